#include "shared/trust/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char token[] = "0123456789abcdef";

static void proofs_are_hmacs_of_both_nonces(void **state)
{
    (void)state;
    /* By Python's hmac module. */
    static const char *const proofs[] = {
        "827c33688254d8ee540bfb94f888f3a1de82ff5db0c2fa218b40bfca7730076a",
        "626af70d09d44f23c8dc269061578900acea868077917027c7aa29f61dfafc36"};
    char text[FST_PROOF_HEX];
    for (int side = FST_TOKEN_COORDINATOR; side <= FST_TOKEN_AGENT; side++) {
        fst_token_prove(token, (enum fst_token_side)side, "nonce-a", "nonce-c",
                        text);
        assert_string_equal(text, proofs[side]);
        assert_true(fst_token_is_proof(token, (enum fst_token_side)side,
                                       "nonce-a", "nonce-c", text));
    }
}

static void another_token_side_or_nonce_is_no_proof(void **state)
{
    (void)state;
    char text[FST_PROOF_HEX];
    fst_token_prove(token, FST_TOKEN_AGENT, "a", "c", text);
    assert_false(fst_token_is_proof("0123456789abcdeg", FST_TOKEN_AGENT, "a",
                                    "c", text));
    assert_false(
        fst_token_is_proof(token, FST_TOKEN_COORDINATOR, "a", "c", text));
    assert_false(fst_token_is_proof(token, FST_TOKEN_AGENT, "a", "d", text));
    assert_false(fst_token_is_proof(token, FST_TOKEN_AGENT, "b", "c", text));
    assert_false(fst_token_is_proof(token, FST_TOKEN_AGENT, "a", "c", ""));
    text[63] = text[63] == '0' ? '1' : '0';
    assert_false(fst_token_is_proof(token, FST_TOKEN_AGENT, "a", "c", text));
}

static void nonces_differ(void **state)
{
    (void)state;
    char one[FST_NONCE_HEX], two[FST_NONCE_HEX];
    fst_nonce_make(one);
    fst_nonce_make(two);
    assert_int_equal(strlen(one), FST_NONCE_HEX - 1);
    assert_string_not_equal(one, two);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static void only_a_long_private_token_is_read(void **state)
{
    (void)state;
    char folder[] = "/tmp/fst_token_XXXXXX", path[64];
    struct fst_err err;
    char *read = NULL;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/token", folder);
    assert_int_equal(fst_token_read(path, NULL, &read, &err), -1);
    assert_int_equal(err.code, FST_E_NOTFOUND);
    write_file(path, "0123456789abcdef\r\nmore\n", 0600);
    assert_int_equal(fst_token_read(path, NULL, &read, &err), 0);
    assert_string_equal(read, token);
    free(read);
    write_file(path, "0123456789abcdef\n", 0640);
    assert_int_equal(fst_token_read(path, NULL, &read, &err), -1);
    assert_non_null(strstr(err.msg, "chmod 600"));
    write_file(path, "0123456789abcde\n", 0600);
    assert_int_equal(fst_token_read(path, NULL, &read, &err), -1);
    assert_non_null(strstr(err.msg, "15 bytes"));
    assert_int_equal(fst_token_read(NULL, "short", &read, &err), -1);
    assert_non_null(strstr(err.msg, "FASTEST_TOKEN"));
    unlink(path);
    rmdir(folder);
}

static void a_token_is_made_once(void **state)
{
    (void)state;
    char folder[] = "/tmp/fst_token_XXXXXX", path[64];
    char *first = NULL, *second = NULL;
    struct stat info;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/token", folder);
    assert_int_equal(fst_token_make(path, &first, NULL), 0);
    assert_int_equal(fst_token_make(path, &second, NULL), 0);
    assert_string_equal(first, second);
    assert_int_equal(strlen(first), 64);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    free(first);
    free(second);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(fst_token_make(path, &first, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proofs_are_hmacs_of_both_nonces),
        cmocka_unit_test(another_token_side_or_nonce_is_no_proof),
        cmocka_unit_test(nonces_differ),
        cmocka_unit_test(only_a_long_private_token_is_read),
        cmocka_unit_test(a_token_is_made_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
