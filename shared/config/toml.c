#include "shared/config/toml.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <tree_sitter/api.h>

#include "shared/base/buf.h"

/* The grammar's entry point; npm's package has no header for it. */
const TSLanguage *tree_sitter_toml(void);

enum { DEPTH_MAX = 128 };

/* What made a table, and so what may still be added to it. */
enum {
    TABLE_IMPLIED = 1, /* by a longer header: may get a header of its own */
    TABLE_HEADER = 2,  /* by its header */
    TABLE_DOTTED = 4,  /* by a dotted key: no header may open it */
    TABLE_CLOSED = 8   /* an inline table, an array of values: complete */
};

struct reader {
    const char *path, *text;
    struct fst_arena *arena;
    int depth;
    struct fst_err *err;
};

static size_t line_of(TSNode node)
{
    return (size_t)ts_node_start_point(node).row + 1;
}

static int fail(struct reader *reader, TSNode node, const char *what,
                const char *detail)
{
    return fst_fail(reader->err, FST_E_SYNTAX, "%s:%zu: %s%s", reader->path,
                    line_of(node), what, detail);
}

static bool is_kind(TSNode node, const char *type)
{
    return !strcmp(ts_node_type(node), type);
}

static const char *node_text(struct reader *reader, TSNode node, size_t *len)
{
    uint32_t start = ts_node_start_byte(node);
    *len = ts_node_end_byte(node) - start;
    return reader->text + start;
}

/* ------------------------------------------------------------ strings */

static void add_utf8(struct fst_buf *out, uint32_t c)
{
    if (c < 0x80) {
        fst_buf_addc(out, (char)c);
    } else if (c < 0x800) {
        fst_buf_addc(out, (char)(0xc0 | c >> 6));
        fst_buf_addc(out, (char)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        fst_buf_addc(out, (char)(0xe0 | c >> 12));
        fst_buf_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
        fst_buf_addc(out, (char)(0x80 | (c & 0x3f)));
    } else {
        fst_buf_addc(out, (char)(0xf0 | c >> 18));
        fst_buf_addc(out, (char)(0x80 | (c >> 12 & 0x3f)));
        fst_buf_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
        fst_buf_addc(out, (char)(0x80 | (c & 0x3f)));
    }
}

/* at: behind the u or U, which the grammar has followed by `digits` of them.
 * A NUL is refused with the surrogates: no option's value can hold it. */
static bool add_code_point(const char *at, size_t digits, struct fst_buf *out)
{
    char hex[9] = "";
    memcpy(hex, at, digits);
    unsigned long c = strtoul(hex, NULL, 16);
    if (!c || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return false;
    add_utf8(out, (uint32_t)c);
    return true;
}

/* at: the backslash. Gives what follows the escape, NULL for a wrong one. */
static const char *add_escape(const char *at, const char *end,
                              struct fst_buf *out)
{
    static const char letters[] = "btnfr\"\\", meant[] = "\b\t\n\f\r\"\\";
    char letter = at[1];
    if (letter == '\n') {
        at += 2;
        while (at < end && (*at == ' ' || *at == '\t' || *at == '\n'))
            at++;
        return at;
    }
    if (letter == 'u' || letter == 'U') {
        size_t digits = letter == 'u' ? 4 : 8;
        if (!add_code_point(at + 2, digits, out))
            return NULL;
        return at + 2 + digits;
    }
    const char *known = strchr(letters, letter);
    if (!known)
        return NULL;
    fst_buf_addc(out, meant[known - letters]);
    return at + 2;
}

/* The value of a string or quoted key, its quotes included in the node. */
static char *read_string(struct reader *reader, TSNode node)
{
    size_t len;
    const char *at = node_text(reader, node, &len), *end;
    char quote = *at;
    size_t quotes = len >= 6 && at[1] == quote && at[2] == quote ? 3 : 1;
    end = at + len - quotes;
    at += quotes;
    if (quotes == 3 && at < end && *at == '\n')
        at++;
    struct fst_buf out = FST_BUF_INIT;
    while (at && at < end) {
        if (quote == '"' && *at == '\\')
            at = add_escape(at, end, &out);
        else
            fst_buf_addc(&out, *at++);
    }
    char *value =
        at ? fst_arena_strn(reader->arena, fst_buf_str(&out), out.len) : NULL;
    fst_buf_release(&out);
    if (!at)
        fail(reader, node, "an escape that means no character", "");
    return value;
}

/* ------------------------------------------------------------- values */

static struct fst_toml *new_item(struct reader *reader, TSNode node,
                                 enum fst_toml_kind kind)
{
    struct fst_toml *item = fst_arena_alloc(reader->arena, sizeof *item);
    item->kind = kind;
    item->line = line_of(node);
    return item;
}

static void append(struct fst_toml *parent, struct fst_toml *item)
{
    if (parent->last)
        parent->last->next = item;
    else
        parent->first = item;
    parent->last = item;
}

static int add_pair(struct reader *reader, TSNode pair, struct fst_toml *table);
static struct fst_toml *read_value(struct reader *reader, TSNode node);

/* One decimal spelling for all four that TOML has; what 64 bits can't hold
 * stays as it is written (Python's integers have no end). */
static const char *read_integer(struct reader *reader, TSNode node)
{
    size_t len, n = 0;
    const char *text = node_text(reader, node, &len);
    char *digits = fst_arena_alloc(reader->arena, len + 1);
    for (size_t i = 0; i < len; i++)
        if (text[i] != '_' && text[i] != '+')
            digits[n++] = text[i];
    int base = 10;
    if (n > 2 && digits[0] == '0')
        base = digits[1] == 'x' ? 16 : digits[1] == 'o' ? 8 : 2;
    errno = 0;
    long long value = strtoll(base == 10 ? digits : digits + 2, NULL, base);
    return errno ? digits : fst_arena_printf(reader->arena, "%lld", value);
}

/* An array or inline table. */
static int read_members(struct reader *reader, TSNode node,
                        struct fst_toml *parent)
{
    TSTreeCursor cursor = ts_tree_cursor_new(node);
    bool more = ts_tree_cursor_goto_first_child(&cursor);
    int result = 0;
    for (; more && !result; more = ts_tree_cursor_goto_next_sibling(&cursor)) {
        TSNode child = ts_tree_cursor_current_node(&cursor);
        if (!ts_node_is_named(child) || is_kind(child, "comment"))
            continue;
        if (parent->kind == FST_TOML_TABLE) {
            result = add_pair(reader, child, parent);
            continue;
        }
        struct fst_toml *item = read_value(reader, child);
        if (item)
            append(parent, item);
        else
            result = -1;
    }
    ts_tree_cursor_delete(&cursor);
    return result;
}

/* What an inline table holds is complete, its dotted tables included. */
static void close_tables(struct fst_toml *item)
{
    item->state |= TABLE_CLOSED;
    for (struct fst_toml *child = item->first; child; child = child->next)
        if (child->kind == FST_TOML_TABLE)
            close_tables(child);
}

static struct fst_toml *read_container(struct reader *reader, TSNode node,
                                       enum fst_toml_kind kind)
{
    struct fst_toml *item = new_item(reader, node, kind);
    if (++reader->depth > DEPTH_MAX) {
        fail(reader, node, "nested too deep", "");
        return NULL;
    }
    int result = read_members(reader, node, item);
    reader->depth--;
    close_tables(item);
    return result ? NULL : item;
}

static struct fst_toml *read_value(struct reader *reader, TSNode node)
{
    if (is_kind(node, "array"))
        return read_container(reader, node, FST_TOML_ARRAY);
    if (is_kind(node, "inline_table"))
        return read_container(reader, node, FST_TOML_TABLE);
    struct fst_toml *item = new_item(reader, node, FST_TOML_OTHER);
    if (is_kind(node, "string")) {
        item->kind = FST_TOML_STRING;
        item->text = read_string(reader, node);
    } else if (is_kind(node, "integer")) {
        item->kind = FST_TOML_INTEGER;
        item->text = read_integer(reader, node);
    } else {
        size_t len;
        const char *text = node_text(reader, node, &len);
        if (is_kind(node, "boolean"))
            item->kind = FST_TOML_BOOLEAN;
        item->text = fst_arena_strn(reader->arena, text, len);
    }
    return item->text ? item : NULL;
}

/* --------------------------------------------------------------- keys */

static struct fst_toml *find_member(const struct fst_toml *table,
                                    const char *key)
{
    struct fst_toml *item = table->first;
    while (item && strcmp(item->key, key))
        item = item->next;
    return item;
}

static const char *read_key(struct reader *reader, TSNode node)
{
    size_t len;
    if (is_kind(node, "quoted_key"))
        return read_string(reader, node);
    const char *text = node_text(reader, node, &len);
    return fst_arena_strn(reader->arena, text, len);
}

/* The table that `key` opens inside `table` on the way to a longer key; made
 * with `state` where it is not there. */
static struct fst_toml *enter(struct reader *reader, TSNode node,
                              struct fst_toml *table, unsigned state)
{
    const char *key = read_key(reader, node);
    if (!key)
        return NULL;
    struct fst_toml *inner = find_member(table, key);
    if (!inner) {
        inner = new_item(reader, node, FST_TOML_TABLE);
        inner->key = key;
        inner->state = state;
        append(table, inner);
        return inner;
    }
    bool closed = inner->state & TABLE_CLOSED;
    /* A dotted key adds to tables of dotted keys only, a header to any. */
    if (state == TABLE_DOTTED && inner->kind == FST_TOML_TABLE &&
        !(inner->state & (TABLE_DOTTED | TABLE_IMPLIED)))
        closed = true;
    if (inner->kind == FST_TOML_ARRAY && state == TABLE_IMPLIED && !closed)
        return inner->last;
    if (inner->kind == FST_TOML_TABLE && !closed) {
        if (inner->state == TABLE_IMPLIED)
            inner->state = state;
        return inner;
    }
    fail(reader, node, "defined twice: ", key);
    return NULL;
}

/* Walks all but the last part of a key; *last is that part's node. Dotted keys
 * nest to the left: ((a . b) . c). */
static struct fst_toml *walk(struct reader *reader, TSNode key,
                             struct fst_toml *table, unsigned state,
                             TSNode *last)
{
    if (!is_kind(key, "dotted_key")) {
        *last = key;
        return table;
    }
    TSNode before;
    if (++reader->depth > DEPTH_MAX) {
        fail(reader, key, "nested too deep", "");
        return NULL;
    }
    table = walk(reader, ts_node_named_child(key, 0), table, state, &before);
    reader->depth--;
    if (table)
        table = enter(reader, before, table, state);
    *last = ts_node_named_child(key, 1);
    return table;
}

static int add_pair(struct reader *reader, TSNode pair, struct fst_toml *table)
{
    TSNode last, node = ts_node_named_child(pair, 1);
    /* A comment may stand behind the value, and is then the pair's child. */
    for (uint32_t i = 2; is_kind(node, "comment"); i++)
        node = ts_node_named_child(pair, i);
    FST_ASSERT(!ts_node_is_null(node));
    table =
        walk(reader, ts_node_named_child(pair, 0), table, TABLE_DOTTED, &last);
    const char *key = table ? read_key(reader, last) : NULL;
    if (!key)
        return -1;
    if (find_member(table, key))
        return fail(reader, last, "defined twice: ", key);
    struct fst_toml *value = read_value(reader, node);
    if (!value)
        return -1;
    value->key = key;
    append(table, value);
    return 0;
}

/* The table that [key] opens. */
static struct fst_toml *open_table(struct reader *reader, TSNode node,
                                   struct fst_toml *parent, const char *key)
{
    struct fst_toml *table = find_member(parent, key);
    if (table &&
        (table->kind != FST_TOML_TABLE || table->state != TABLE_IMPLIED)) {
        fail(reader, node, "defined twice: ", key);
        return NULL;
    }
    if (!table) {
        table = new_item(reader, node, FST_TOML_TABLE);
        table->key = key;
        append(parent, table);
    }
    table->state = TABLE_HEADER;
    return table;
}

/* The element that [[key]] opens. */
static struct fst_toml *open_element(struct reader *reader, TSNode node,
                                     struct fst_toml *parent, const char *key)
{
    struct fst_toml *array = find_member(parent, key);
    if (array &&
        (array->kind != FST_TOML_ARRAY || array->state & TABLE_CLOSED)) {
        fail(reader, node, "defined twice: ", key);
        return NULL;
    }
    if (!array) {
        array = new_item(reader, node, FST_TOML_ARRAY);
        array->key = key;
        append(parent, array);
    }
    struct fst_toml *table = new_item(reader, node, FST_TOML_TABLE);
    table->state = TABLE_HEADER;
    append(array, table);
    return table;
}

static int read_section(struct reader *reader, TSNode node,
                        struct fst_toml *root)
{
    TSNode last, header = ts_node_named_child(node, 0);
    struct fst_toml *table = walk(reader, header, root, TABLE_IMPLIED, &last);
    const char *key = table ? read_key(reader, last) : NULL;
    if (!key)
        return -1;
    table = is_kind(node, "table") ? open_table(reader, last, table, key)
                                   : open_element(reader, last, table, key);
    uint32_t count = ts_node_named_child_count(node);
    for (uint32_t i = 1; table && i < count; i++) {
        TSNode child = ts_node_named_child(node, i);
        if (is_kind(child, "pair") && add_pair(reader, child, table))
            return -1;
    }
    return table ? 0 : -1;
}

static int read_document(struct reader *reader, TSNode document,
                         struct fst_toml *root)
{
    TSTreeCursor cursor = ts_tree_cursor_new(document);
    bool more = ts_tree_cursor_goto_first_child(&cursor);
    int result = 0;
    for (; more && !result; more = ts_tree_cursor_goto_next_sibling(&cursor)) {
        TSNode node = ts_tree_cursor_current_node(&cursor);
        if (is_kind(node, "pair"))
            result = add_pair(reader, node, root);
        else if (is_kind(node, "table") || is_kind(node, "table_array_element"))
            result = read_section(reader, node, root);
    }
    ts_tree_cursor_delete(&cursor);
    return result;
}

/* The line of the first place that the grammar could not read. */
static int refuse(struct reader *reader, TSNode root)
{
    TSTreeCursor cursor = ts_tree_cursor_new(root);
    TSNode node = root;
    bool deeper = ts_tree_cursor_goto_first_child(&cursor);
    while (deeper) {
        node = ts_tree_cursor_current_node(&cursor);
        if (ts_node_is_error(node) || ts_node_is_missing(node))
            break;
        deeper = ts_node_has_error(node)
                     ? ts_tree_cursor_goto_first_child(&cursor)
                     : ts_tree_cursor_goto_next_sibling(&cursor);
    }
    ts_tree_cursor_delete(&cursor);
    return fail(reader, node, "not valid TOML", "");
}

struct fst_toml *fst_toml_parse(const char *path, const char *text, size_t len,
                                struct fst_arena *arena, struct fst_err *err)
{
    struct reader reader = {path, text, arena, 0, err};
    TSParser *parser = ts_parser_new();
    bool ready = ts_parser_set_language(parser, tree_sitter_toml());
    FST_ASSERT(ready);
    TSTree *tree = ts_parser_parse_string(parser, NULL, text, (uint32_t)len);
    TSNode document = ts_tree_root_node(tree);
    struct fst_toml *root = new_item(&reader, document, FST_TOML_TABLE);
    root->state = TABLE_HEADER;
    int result = ts_node_has_error(document)
                     ? refuse(&reader, document)
                     : read_document(&reader, document, root);
    ts_tree_delete(tree);
    ts_parser_delete(parser);
    return result ? NULL : root;
}

const struct fst_toml *fst_toml_get(const struct fst_toml *table,
                                    const char *key)
{
    if (!table || table->kind != FST_TOML_TABLE)
        return NULL;
    return find_member(table, key);
}

const char *fst_toml_kind_name(enum fst_toml_kind kind)
{
    static const char *const names[] = {"a table",    "an array",
                                        "a string",   "a boolean",
                                        "an integer", "a float or date"};
    return names[kind];
}
