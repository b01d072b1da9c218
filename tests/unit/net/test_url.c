#include "shared/net/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void places_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        enum fst_url_kind kind;
        bool loopback;
    } cases[] = {
        {"ipc:///run/x", FST_URL_IPC, false},
        {"tcp://127.0.0.1:0", FST_URL_TCP, true},
        {"tcp://127.8.0.1:5555", FST_URL_TCP, true},
        {"tcp://localhost:65535", FST_URL_TCP, true},
        {"tcp://[::1]:1", FST_URL_TCP, true},
        {"tcp://0.0.0.0:1", FST_URL_TCP, false},
        {"tcp://[::]:1", FST_URL_TCP, false},
        {"tcp://127.evil.example:1", FST_URL_TCP, false},
        {"tcp://127.0.0.1.evil.example:1", FST_URL_TCP, false},
        {"tcp://localhost.example:1", FST_URL_TCP, false},
        {"tcp://host:1", FST_URL_TCP, false},
        {"tls+tcp://127.0.0.1:0", FST_URL_TLS, true},
        {"tls+tcp://host:1", FST_URL_TLS, false},
    };
    struct fst_url read;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(fst_url_read(cases[i].url, &read, NULL), 0);
        assert_int_equal(read.kind, cases[i].kind);
        assert_int_equal(read.loopback, cases[i].loopback);
        const char *port = strrchr(cases[i].url, ':') + 1;
        assert_int_equal(read.port, *port == '/' ? 0 : atoi(port));
    }
}

static void other_texts_are_refused(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "",          "tcp://",        "tcp://host",  "tcp://:1",
        "tcp://h:",  "tcp://h:65536", "tcp://h:1x",  "tcp://h:-1",
        "ipc://",    "ipc:///",       "ipc://run/x", "http://h:1",
        "127.0.0.1", "/run/x",        "tls+tcp://h", "tcp://::1:1"};
    struct fst_url read;
    struct fst_err err;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        assert_int_equal(fst_url_read(urls[i], &read, &err), -1);
        assert_int_equal(err.code, FST_E_USAGE);
        assert_memory_equal(err.msg, urls[i], strlen(urls[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_read),
        cmocka_unit_test(other_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
