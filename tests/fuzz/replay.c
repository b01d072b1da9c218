/* Runs a target over files, each once, as libFuzzer would: a corpus as an
 * ordinary test. usage: TARGET DIR */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/buf.h"
#include "shared/base/mem.h"
#include "tests/fuzz/fuzz.h"

static int replay(const char *path)
{
    struct fst_buf bytes = FST_BUF_INIT;
    char chunk[4096];
    size_t got;
    FILE *file = fopen(path, "rb");
    if (!file)
        return -1;
    while ((got = fread(chunk, 1, sizeof chunk, file)) > 0)
        fst_buf_add(&bytes, chunk, got);
    fclose(file);
    /* In a block of its own size, so that a sanitizer sees its end. */
    uint8_t *exact = fst_alloc(bytes.len);
    if (bytes.len)
        memcpy(exact, bytes.data, bytes.len);
    LLVMFuzzerTestOneInput(exact, bytes.len);
    free(exact);
    fst_buf_release(&bytes);
    return 0;
}

static int no_dots(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    struct dirent **entries;
    int failed = 0;
    int count = argc == 2 ? scandir(argv[1], &entries, no_dots, alphasort) : -1;
    if (count <= 0) {
        fprintf(stderr, "usage: %s DIR, which holds a corpus\n", argv[0]);
        return 4;
    }
    for (int i = 0; i < count; i++) {
        char *path = fst_printf("%s/%s", argv[1], entries[i]->d_name);
        /* The last line names the one that crashes. */
        printf("%s\n", path);
        fflush(stdout);
        failed |= replay(path);
        free(path);
        free(entries[i]);
    }
    free(entries);
    printf("%d inputs replayed\n", count);
    return failed ? 1 : 0;
}
