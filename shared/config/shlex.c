#include "shared/config/shlex.h"

#include <stdbool.h>
#include <string.h>

#include "shared/base/buf.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Reads behind an opening quote to the closing one; gives what follows it, or
 * NULL where the text ends first. */
static const char *read_quoted(const char *at, char quote, struct fst_buf *word,
                               struct fst_err *err)
{
    while (*at && *at != quote) {
        if (*at == '\\' && quote == '"') {
            at++;
            if (!*at) {
                fst_fail(err, FST_E_SYNTAX, "No escaped character");
                return NULL;
            }
            if (*at != '"' && *at != '\\')
                fst_buf_addc(word, '\\');
        }
        fst_buf_addc(word, *at++);
    }
    if (!*at) {
        fst_fail(err, FST_E_SYNTAX, "No closing quotation");
        return NULL;
    }
    return at + 1;
}

/* Reads one word that begins at `at`; gives what follows it, or NULL. */
static const char *read_word(const char *at, struct fst_buf *word,
                             struct fst_err *err)
{
    while (*at && !is_space(*at)) {
        if (*at == '\'' || *at == '"') {
            at = read_quoted(at + 1, *at, word, err);
            if (!at)
                return NULL;
            continue;
        }
        if (*at == '\\' && !*++at) {
            fst_fail(err, FST_E_SYNTAX, "No escaped character");
            return NULL;
        }
        fst_buf_addc(word, *at++);
    }
    return at;
}

int fst_shlex_split(const char *text, struct fst_strings *words,
                    struct fst_err *err)
{
    struct fst_buf word = FST_BUF_INIT;
    const char *at = text;
    for (;;) {
        while (is_space(*at))
            at++;
        if (!*at)
            break;
        fst_buf_clear(&word);
        at = read_word(at, &word, err);
        if (!at)
            break;
        fst_strings_add(words, fst_buf_str(&word));
    }
    fst_buf_release(&word);
    return at ? 0 : -1;
}
