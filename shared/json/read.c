#include "shared/json/json.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/mem.h"
#include "shared/base/utf8.h"

/* struct fst_json is cJSON under another name, so that no one else sees it. */
static const cJSON *item_of(const struct fst_json *value)
{
    return (const cJSON *)value;
}

static const struct fst_json *value_of(const cJSON *item)
{
    return (const struct fst_json *)item;
}

struct scan { /* what has to be known of the bytes before cJSON sees them */
    const char *at, *end;
    int depth;
    size_t values; /* at most so many, counted by what begins or parts them */
    bool in_string;
};

/* One step over a character inside or outside of strings. */
static int scan_character(struct scan *scan, struct fst_err *err)
{
    size_t left = (size_t)(scan->end - scan->at), len = 1;
    char c = *scan->at;
    if ((unsigned char)c >= 0x80 && !(len = fst_utf8_sequence(scan->at, left)))
        return fst_fail(err, FST_E_SYNTAX, "invalid UTF-8");
    if (c == '\0')
        return fst_fail(err, FST_E_SYNTAX, "a NUL byte");
    if (scan->in_string && (unsigned char)c < 0x20)
        return fst_fail(err, FST_E_SYNTAX, "a control character in a string");
    if (scan->in_string && c == '\\') {
        if (left >= 6 && !memcmp(scan->at, "\\u0000", 6))
            return fst_fail(err, FST_E_SYNTAX, "a NUL character");
        /* What is escaped can't end the string; whether it may be escaped is
         * cJSON's to say. */
        scan->at += left > 1 && (unsigned char)scan->at[1] < 0x80 ? 2 : 1;
        return 0;
    }
    if (c == '"')
        scan->in_string = !scan->in_string;
    else if (!scan->in_string && (c == '{' || c == '['))
        scan->depth++;
    else if (!scan->in_string && (c == '}' || c == ']'))
        scan->depth--;
    if (!scan->in_string && (c == '{' || c == '[' || c == ','))
        scan->values++;
    if (scan->depth > FST_JSON_DEPTH)
        return fst_fail(err, FST_E_SYNTAX, "over %d levels deep",
                        FST_JSON_DEPTH);
    if (scan->values > FST_JSON_VALUES)
        return fst_fail(err, FST_E_SYNTAX, "over %d values", FST_JSON_VALUES);
    scan->at += len;
    return 0;
}

/* cJSON has read over the end of texts that stop in mid-value, so these don't
 * reach it. */
static int scan_all(const char *bytes, size_t len, struct fst_err *err)
{
    struct scan scan = {.at = bytes, .end = bytes + len};
    while (scan.at < scan.end)
        if (scan_character(&scan, err))
            return -1;
    if (scan.in_string || scan.depth > 0)
        return fst_fail(err, FST_E_SYNTAX, "the JSON ends too early");
    return 0;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int check_keys(const cJSON *object, struct fst_err *err)
{
    char *few[32], **keys = few;
    size_t count = fst_json_count(value_of(object)), n = 0;
    if (count > sizeof few / sizeof *few)
        keys = fst_calloc(count, sizeof *keys);
    for (const cJSON *child = object->child; child; child = child->next)
        keys[n++] = child->string;
    qsort(keys, count, sizeof *keys, by_key);
    int result = 0;
    for (size_t i = 1; i < count && !result; i++)
        if (!strcmp(keys[i - 1], keys[i]))
            result =
                fst_fail(err, FST_E_SYNTAX, "the key \"%s\" twice", keys[i]);
    if (keys != few)
        free(keys);
    return result;
}

/* Recursive: depth is bounded by the scan. */
static int check_values(const cJSON *item, struct fst_err *err)
{
    if (cJSON_IsNumber(item) && !isfinite(item->valuedouble))
        return fst_fail(err, FST_E_SYNTAX, "a number out of range");
    if (cJSON_IsObject(item) && item->child && check_keys(item, err))
        return -1;
    for (const cJSON *child = item->child; child; child = child->next)
        if (check_values(child, err))
            return -1;
    return 0;
}

struct fst_json *fst_json_parse(const char *bytes, size_t len,
                                struct fst_err *err)
{
    if (scan_all(bytes, len, err))
        return NULL;
    const char *end = bytes;
    cJSON *item = cJSON_ParseWithLengthOpts(bytes, len, &end, 0);
    if (!item) {
        fst_fail(err, FST_E_SYNTAX, "not JSON around byte %zu",
                 (size_t)(end - bytes));
        return NULL;
    }
    while (end < bytes + len && strchr(" \t\r\n", *end))
        end++;
    if (end != bytes + len) {
        fst_fail(err, FST_E_SYNTAX, "something behind the JSON at byte %zu",
                 (size_t)(end - bytes));
    } else if (!check_values(item, err)) {
        return (struct fst_json *)item;
    }
    cJSON_Delete(item);
    return NULL;
}

void fst_json_free(struct fst_json *document)
{
    cJSON_Delete((cJSON *)document);
}

enum fst_json_type fst_json_type(const struct fst_json *value)
{
    const cJSON *item = item_of(value);
    if (cJSON_IsObject(item))
        return FST_JSON_OBJECT;
    if (cJSON_IsArray(item))
        return FST_JSON_ARRAY;
    if (cJSON_IsString(item))
        return FST_JSON_STRING;
    if (cJSON_IsNumber(item))
        return FST_JSON_NUMBER;
    return cJSON_IsBool(item) ? FST_JSON_BOOL : FST_JSON_NULL;
}

const char *fst_json_type_name(enum fst_json_type type)
{
    static const char *const names[] = {"null",   "boolean", "number",
                                        "string", "array",   "object"};
    return names[type];
}

const struct fst_json *fst_json_get(const struct fst_json *value,
                                    const char *key)
{
    return value_of(cJSON_GetObjectItemCaseSensitive(item_of(value), key));
}

const struct fst_json *fst_json_first(const struct fst_json *value)
{
    return value_of(item_of(value)->child);
}

const struct fst_json *fst_json_next(const struct fst_json *value)
{
    return value_of(item_of(value)->next);
}

size_t fst_json_count(const struct fst_json *value)
{
    size_t count = 0;
    for (const cJSON *child = item_of(value)->child; child; child = child->next)
        count++;
    return count;
}

const char *fst_json_key(const struct fst_json *value)
{
    return item_of(value)->string;
}

const char *fst_json_string(const struct fst_json *value)
{
    FST_ASSERT(cJSON_IsString(item_of(value)));
    return item_of(value)->valuestring;
}

double fst_json_number(const struct fst_json *value)
{
    FST_ASSERT(cJSON_IsNumber(item_of(value)));
    return item_of(value)->valuedouble;
}

bool fst_json_bool(const struct fst_json *value)
{
    FST_ASSERT(cJSON_IsBool(item_of(value)));
    return cJSON_IsTrue(item_of(value));
}
