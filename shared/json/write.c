#include <math.h>
#include <string.h>

#include "shared/base/utf8.h"
#include "shared/json/json.h"

void fst_jw_init(struct fst_json_writer *writer, struct fst_buf *out)
{
    *writer = (struct fst_json_writer){.out = out};
}

int fst_jw_end(const struct fst_json_writer *writer, struct fst_err *err)
{
    if (!writer->full)
        return 0;
    return fst_fail(err, FST_E_LIMIT, "over %zu bytes of JSON",
                    writer->out->limit);
}

static void put(struct fst_json_writer *writer, const char *bytes, size_t len)
{
    if (!writer->full && fst_buf_add(writer->out, bytes, len))
        writer->full = true;
}

static void put_text(struct fst_json_writer *writer, const char *text)
{
    put(writer, text, strlen(text));
}

static void begin_value(struct fst_json_writer *writer)
{
    if (writer->comma)
        put(writer, ",", 1);
    writer->comma = true;
}

static void open_group(struct fst_json_writer *writer, const char *bracket)
{
    begin_value(writer);
    put(writer, bracket, 1);
    writer->comma = false;
}

static void close_group(struct fst_json_writer *writer, const char *bracket)
{
    put(writer, bracket, 1);
    writer->comma = true;
}

void fst_jw_object(struct fst_json_writer *writer)
{
    open_group(writer, "{");
}

void fst_jw_object_end(struct fst_json_writer *writer)
{
    close_group(writer, "}");
}

void fst_jw_array(struct fst_json_writer *writer)
{
    open_group(writer, "[");
}

void fst_jw_array_end(struct fst_json_writer *writer)
{
    close_group(writer, "]");
}

void fst_jw_key(struct fst_json_writer *writer, const char *key)
{
    begin_value(writer);
    put(writer, "\"", 1);
    put_text(writer, key);
    put(writer, "\":", 2);
    writer->comma = false;
}

static void put_escaped(struct fst_json_writer *writer, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char from[] = "\"\\\n\r\t\b\f", to[] = "\"\\nrtbf";
    const char *known = c ? strchr(from, c) : NULL;
    if (known) {
        put(writer, (char[]){'\\', to[known - from]}, 2);
    } else {
        put(writer, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
    }
}

void fst_jw_stringn(struct fst_json_writer *writer, const char *text,
                    size_t len)
{
    begin_value(writer);
    put(writer, "\"", 1);
    size_t plain = 0; /* where the run of bytes that need nothing began */
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)text[i];
        size_t width = c < 0x80 ? 1 : fst_utf8_sequence(text + i, len - i);
        if (width && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
            i += width;
            continue;
        }
        put(writer, text + plain, i - plain);
        if (width)
            put_escaped(writer, c);
        else
            put_text(writer, "\xef\xbf\xbd");
        plain = ++i;
    }
    put(writer, text + plain, len - plain);
    put(writer, "\"", 1);
}

void fst_jw_string(struct fst_json_writer *writer, const char *text)
{
    if (text)
        fst_jw_stringn(writer, text, strlen(text));
    else
        fst_jw_null(writer);
}

/* Digits of value into the end of room (at least 20 bytes); the first's
 * address. */
static char *digits(char *room_end, uint64_t value)
{
    do {
        *--room_end = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    return room_end;
}

void fst_jw_int(struct fst_json_writer *writer, int64_t value)
{
    char room[24], *end = room + sizeof room;
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    char *start = digits(end, size);
    if (value < 0)
        *--start = '-';
    begin_value(writer);
    put(writer, start, (size_t)(end - start));
}

void fst_jw_u64(struct fst_json_writer *writer, uint64_t value)
{
    char room[24], *end = room + sizeof room;
    *--end = '"';
    char *start = digits(end, value);
    *--start = '"';
    begin_value(writer);
    put(writer, start, (size_t)(room + sizeof room - start));
}

void fst_jw_double(struct fst_json_writer *writer, double value)
{
    if (!isfinite(value) || fabs(value) > 9e12) {
        fst_jw_null(writer);
        return;
    }
    bool negative = value < 0;
    uint64_t micros = (uint64_t)(fabs(value) * 1e6 + 0.5);
    char room[32], *end = room + sizeof room;
    uint64_t part = micros % 1000000;
    int places = part ? 6 : 0;
    for (; places && part % 10 == 0; places--)
        part /= 10;
    char *start = end;
    for (int i = 0; i < places; i++) {
        *--start = (char)('0' + part % 10);
        part /= 10;
    }
    if (places)
        *--start = '.';
    start = digits(start, micros / 1000000);
    if (negative && micros)
        *--start = '-';
    begin_value(writer);
    put(writer, start, (size_t)(end - start));
}

void fst_jw_bool(struct fst_json_writer *writer, bool value)
{
    begin_value(writer);
    put_text(writer, value ? "true" : "false");
}

void fst_jw_null(struct fst_json_writer *writer)
{
    begin_value(writer);
    put_text(writer, "null");
}
