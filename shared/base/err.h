/* Errors: the caller's struct, filled by whoever fails, never allocated.
 *
 * A function that can fail returns 0 or -1 (or a pointer or NULL) and takes
 * `struct fst_err *err` last. Whoever can add context on the way up does it
 * with fst_wrap(); an error is logged or returned, never both.
 */
#ifndef FST_BASE_ERR_H
#define FST_BASE_ERR_H

#include <stdarg.h>

/* code, wire name, what it means, exit status of a program that ends by it */
#define FST_CODES(X)                                                           \
    X(OK, "ok", "no error", 0)                                                 \
    X(E_USAGE, "usage", "a wrong option, value or argument", 4)                \
    X(E_NOTFOUND, "not-found", "what was asked for does not exist", 4)         \
    X(E_SYNTAX, "syntax", "text that does not follow its grammar", 4)          \
    X(E_IO, "io", "the operating system refused", 3)                           \
    X(E_LACKING, "lacking", "the system is short of something, for now", 3)    \
    X(E_LIMIT, "limit", "larger than its ceiling", 3)                          \
    X(E_PROTO, "protocol", "a peer broke the protocol", 3)                     \
    X(E_CLOSED, "closed", "the other end is gone", 3)                          \
    X(E_REFUSED, "refused", "the other end refused", 4)                        \
    X(E_INTERNAL, "internal", "a bug in fastest", 3)

enum fst_code {
#define FST_CODE_ENUM(code, wire, text, status) FST_##code,
    FST_CODES(FST_CODE_ENUM)
#undef FST_CODE_ENUM
};

struct fst_err {
    enum fst_code code;
    char msg[512]; /* one line, UTF-8, without a final dot or newline */
};

/* Sets *err and returns -1, so that `return fst_fail(err, …)` reads well.
 * err may be NULL: then only the -1 is left. */
int fst_fail(struct fst_err *err, enum fst_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with ": <text of errno>" behind the message; code
 * FST_E_NOTFOUND for ENOENT, FST_E_LACKING where processes, descriptors, memory
 * or space on a disk have run out, else FST_E_IO. */
int fst_fail_sys(struct fst_err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts "<context>: " before the message of an error that is set; returns -1. */
int fst_wrap(struct fst_err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

const char *fst_code_name(enum fst_code code);
int fst_code_exit(enum fst_code code);

/* Stays on in release builds: prints the place and aborts. */
#define FST_ASSERT(what)                                                       \
    ((what) ? (void)0 : fst_assert_failed(#what, __FILE__, __LINE__))
_Noreturn void fst_assert_failed(const char *what, const char *file, int line);

#endif
