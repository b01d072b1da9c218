#include "shared/trust/issue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/mem.h"

#define DAY_S 86400

static char folder[] = "/tmp/fst-issue-XXXXXX";

static char *place(const char *name)
{
    return fst_printf("%s/%s", folder, name);
}

static void write_text(const char *name, const char *text, mode_t mode)
{
    char *path = place(name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
    free(path);
}

/* NAME.pem and NAME-key.pem, valid from `from` to `to` days from now. */
static void make(const char *name, enum fst_issue_kind kind,
                 const struct fst_identity *ca, int from, int to)
{
    struct fst_buf cert = FST_BUF_INIT, key = FST_BUF_INIT;
    struct fst_err err;
    struct fst_issue_spec spec = {
        .kind = kind,
        .name = name,
        .from_s = (int64_t)time(NULL) + from * DAY_S,
        .to_s = (int64_t)time(NULL) + to * DAY_S,
    };
    char file[80];
    assert_int_equal(fst_issue(&spec, ca, &cert, &key, &err), 0);
    snprintf(file, sizeof file, "%s.pem", name);
    write_text(file, fst_buf_str(&cert), 0644);
    snprintf(file, sizeof file, "%s-key.pem", name);
    write_text(file, fst_buf_str(&key), 0600);
    fst_buf_release(&cert);
    fst_buf_release(&key);
}

static struct fst_identity *try_read(const char *cert, const char *key,
                                     const char *ca, struct fst_err *err)
{
    char *paths[] = {cert ? place(cert) : NULL, key ? place(key) : NULL,
                     ca ? place(ca) : NULL};
    const struct fst_identity_files files = {FST_TOKEN_AGENT, paths[0],
                                             paths[1], paths[2]};
    struct fst_identity *identity = fst_identity_read(&files, err);
    for (size_t i = 0; i < 3; i++)
        free(paths[i]);
    return identity;
}

static struct fst_identity *read_ca(void)
{
    struct fst_err err;
    struct fst_identity *ca = try_read("ca.pem", "ca-key.pem", NULL, &err);
    assert_non_null(ca);
    return ca;
}

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    make("ca", FST_ISSUE_CA, NULL, -1, 30);
    struct fst_identity *ca = read_ca();
    make("one", FST_ISSUE_AGENT, ca, -1, 10);
    make("two", FST_ISSUE_AGENT, ca, -1, 10);
    make("old", FST_ISSUE_AGENT, ca, -10, -5);
    make("here", FST_ISSUE_COORDINATOR, ca, -1, 10);
    make("early", FST_ISSUE_AGENT, ca, 5, 10);
    fst_identity_free(ca);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"ca",  "one",   "two",
                                        "old", "early", "here"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *cert = fst_printf("%s/%s.pem", folder, names[i]);
        char *key = fst_printf("%s/%s-key.pem", folder, names[i]);
        unlink(cert);
        unlink(key);
        free(cert);
        free(key);
    }
    return rmdir(folder);
}

static void what_was_made_is_read(void **state)
{
    (void)state;
    struct fst_err err;
    struct fst_identity *one =
        try_read("one.pem", "one-key.pem", "ca.pem", &err);
    assert_non_null(one);
    assert_true(fst_identity_has_own(one) && fst_identity_has_ca(one));
    int64_t left = fst_identity_end_s(one) - (int64_t)time(NULL);
    assert_true(left > 10 * DAY_S - 60 && left <= 10 * DAY_S);
    fst_identity_free(one);
    one = try_read(NULL, NULL, "ca.pem", &err);
    assert_non_null(one);
    assert_false(fst_identity_has_own(one));
    fst_identity_free(one);
}

static void expect(const char *cert, const char *key, const char *ca,
                   enum fst_code code, const char *words, const char *file)
{
    struct fst_err err;
    assert_null(try_read(cert, key, ca, &err));
    if (err.code != code || !strstr(err.msg, words) || !strstr(err.msg, file))
        fail_msg("\"%s\" instead of \"%s\" of %s", err.msg, words, file);
}

static void what_cannot_be_used_is_refused_with_its_file(void **state)
{
    (void)state;
    expect("none.pem", "one-key.pem", NULL, FST_E_NOTFOUND, "No such file",
           "none.pem");
    expect("one.pem", "none-key.pem", NULL, FST_E_NOTFOUND, "No such file",
           "none-key.pem");
    expect("one.pem", "two-key.pem", NULL, FST_E_USAGE, "is not the key of",
           "two-key.pem");
    expect("one.pem", "two-key.pem", NULL, FST_E_USAGE, "is not the key of",
           "one.pem");
    expect("one-key.pem", "one-key.pem", NULL, FST_E_USAGE, "not a certificate",
           "one-key.pem");
    expect("one.pem", "one.pem", NULL, FST_E_USAGE, "others may read this key",
           "one.pem");
    expect("old.pem", "old-key.pem", NULL, FST_E_USAGE, "has expired on",
           "old.pem");
    expect("early.pem", "early-key.pem", NULL, FST_E_USAGE, "is valid from",
           "early.pem");
    expect("here.pem", "here-key.pem", NULL, FST_E_USAGE, "is not for an agent",
           "here.pem");
    expect(NULL, NULL, "one.pem", FST_E_USAGE, "not the certificate of a CA",
           "one.pem");
    expect(NULL, NULL, "ca-key.pem", FST_E_USAGE, "not a certificate in PEM",
           "ca-key.pem");
    expect(NULL, NULL, "", FST_E_IO, "Is a directory", folder);
}

static void a_key_that_is_none_is_refused(void **state)
{
    (void)state;
    write_text("two-key.pem", "-----BEGIN PRIVATE KEY-----\nx\n", 0600);
    expect("one.pem", "two-key.pem", NULL, FST_E_USAGE, "not a private key",
           "two-key.pem");
}

static void names_are_those_of_files(void **state)
{
    static const char *const bad[] = {
        "", ".", "..", "../x", "a/b", "-rf", "_x", "a b", "a,O=b", "é", "a\nb"};
    char longest[FST_ISSUE_NAME_MOST + 2];
    (void)state;
    memset(longest, 'x', sizeof longest);
    longest[FST_ISSUE_NAME_MOST + 1] = '\0';
    assert_false(fst_issue_is_name(longest));
    longest[FST_ISSUE_NAME_MOST] = '\0';
    assert_true(fst_issue_is_name(longest));
    assert_true(fst_issue_is_name("ci-7.example_net"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(fst_issue_is_name(bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_made_is_read),
        cmocka_unit_test(what_cannot_be_used_is_refused_with_its_file),
        cmocka_unit_test(a_key_that_is_none_is_refused),
        cmocka_unit_test(names_are_those_of_files),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
