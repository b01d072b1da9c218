/* What users' files and variables hold: TOML, ini, a command line in addopts, a
 * token, a place to listen at. First byte: which of them. */
#include <stdlib.h>
#include <string.h>

#include "shared/base/mem.h"
#include "shared/config/ini.h"
#include "shared/config/shlex.h"
#include "shared/config/text.h"
#include "shared/config/toml.h"
#include "shared/net/url.h"
#include "shared/trust/token.h"
#include "tests/fuzz/fuzz.h"

static void read_token(const char *text)
{
    char *token = NULL, proof[FST_PROOF_HEX];
    if (fst_token_read(NULL, text, &token, NULL))
        return;
    fst_token_prove(token, FST_TOKEN_AGENT, text, "00", proof);
    FST_ASSERT(fst_token_is_proof(token, FST_TOKEN_AGENT, text, "00", proof));
    FST_ASSERT(
        !fst_token_is_proof(token, FST_TOKEN_COORDINATOR, text, "00", proof));
    free(token);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct fst_arena arena = {0};
    struct fst_strings words = {0};
    struct fst_ini ini = {0};
    struct fst_url url;
    if (!len)
        return 0;
    struct fst_buf taken = FST_BUF_INIT;
    if (fst_text_take("a", (const char *)bytes + 1, len - 1, &taken, NULL)) {
        fst_buf_release(&taken);
        return 0;
    }
    size_t n = taken.len;
    char *text = fst_strdup(fst_buf_str(&taken));
    fst_buf_release(&taken);
    switch (bytes[0] % 5) {
    case 0:
        fst_toml_parse("a.toml", text, n, &arena, NULL);
        break;
    case 1:
        fst_ini_parse(&ini, "a.ini", text, n, NULL);
        break;
    case 2:
        fst_shlex_split(text, &words, NULL);
        break;
    case 3:
        read_token(text);
        break;
    default:
        fst_url_read(text, &url, NULL);
    }
    fst_strings_clear(&words);
    fst_ini_release(&ini);
    fst_arena_release(&arena);
    free(text);
    return 0;
}
