/* A source file's bytes, as the parser can take them, or why it can't.
 *
 * Python's rules for what is a source (PEP 263 and the tokenizer): UTF-8 unless
 * a coding line says otherwise, a byte order mark is allowed, NUL bytes are
 * not, a lone CR ends a line. Never blocks on what isn't a regular file, never
 * maps (a file that shrinks would be SIGBUS). Any thread. */
#ifndef FST_DISCOVER_SOURCE_H
#define FST_DISCOVER_SOURCE_H

#include "shared/base/arena.h"
#include "shared/base/buf.h"

enum { FST_SOURCE_LIMIT = 256 * 1024 * 1024 }; /* bytes of one file */

/* Reads path into buf (cleared before). Returns NULL, or what is wrong with it,
 * in the arena; then buf's content is worth nothing. Bytes of single-byte
 * encodings other than ASCII come as 'x', so that offsets stay true. */
const char *fst_source_read(const char *path, struct fst_buf *buf,
                            struct fst_arena *arena);

#endif
