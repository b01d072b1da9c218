#include "agent/pool/captured.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/mem.h"

/* Sends descriptors and takes them as a worker's agent does. */
static void pass(struct fst_captured *captured, const int *fds, size_t n)
{
    int pair[2];
    char byte = 'x';
    _Alignas(struct cmsghdr) char control[FST_CAPTURED_CONTROL] = {0};
    struct iovec room = {&byte, 1};
    struct msghdr header = {.msg_iov = &room,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = CMSG_SPACE(n * sizeof *fds)};
    struct cmsghdr *part = CMSG_FIRSTHDR(&header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(n * sizeof *fds);
    memcpy(CMSG_DATA(part), fds, n * sizeof *fds);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(sendmsg(pair[0], &header, 0), 1);
    header.msg_controllen = sizeof control;
    assert_int_equal(recvmsg(pair[1], &header, 0), 1);
    fst_captured_take(captured, &header);
    close(pair[0]);
    close(pair[1]);
}

static int new_file(const char *text)
{
    int fd = memfd_create("captured", 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    return fd;
}

static void two_files_are_kept_and_read(void **state)
{
    (void)state;
    struct fst_captured captured = {0};
    struct fst_arena arena = {0};
    int fds[] = {new_file("out \xff"), new_file(""), new_file("third")};
    pass(&captured, fds, 3);
    assert_int_equal(captured.count, 2);
    assert_string_equal(fst_captured_text(&captured, 0, &arena), "out ?");
    assert_string_equal(fst_captured_text(&captured, 1, &arena), "");
    assert_int_equal(write(fds[1], "err", 3), 3);
    assert_string_equal(fst_captured_text(&captured, 1, &arena), "err");
    for (size_t i = 0; i < 3; i++)
        close(fds[i]);
    fst_captured_close(&captured);
    assert_string_equal(fst_captured_text(&captured, 0, &arena), "");
    fst_arena_release(&arena);
}

static void what_could_keep_us_waiting_is_not_taken(void **state)
{
    (void)state;
    struct fst_captured captured = {0};
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pass(&captured, fds, 2);
    assert_int_equal(captured.count, 0);
    close(fds[0]);
    close(fds[1]);
}

static void of_much_the_end_is_told_and_how_much_is_missing(void **state)
{
    (void)state;
    struct fst_captured captured = {0};
    struct fst_arena arena = {0};
    int fd = new_file("the beginning");
    assert_int_equal(ftruncate(fd, 10 << 20), 0);
    assert_int_equal(pwrite(fd, "the end", 7, 10 << 20), 7);
    pass(&captured, &fd, 1);
    const char *text = fst_captured_text(&captured, 0, &arena);
    assert_memory_equal(text, "[... 10420231 bytes left out ...]\n", 34);
    assert_string_equal(text + strlen(text) - 7, "the end");
    close(fd);
    fst_captured_close(&captured);
    fst_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_files_are_kept_and_read),
        cmocka_unit_test(what_could_keep_us_waiting_is_not_taken),
        cmocka_unit_test(of_much_the_end_is_told_and_how_much_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
