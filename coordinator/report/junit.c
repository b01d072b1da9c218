/* JUnit's XML, as pytest writes it. Testcases and the frame around them were
 * made in the workers by pytest's own code and are only put together here;
 * where a worker could not (it died, or an earlier run made no such report),
 * the testcase is made of the result, by the same rules (_pytest/junitxml.py).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "coordinator/report/outfile.h"
#include "coordinator/report/state.h"
#include "coordinator/report/xml.h"
#include "shared/base/mem.h"

struct totals {
    size_t tests, errors, failures, skipped;
};

/* ---- one testcase */

/* name="value", with a space before it. */
static void add_attribute(struct fst_buf *out, const char *name,
                          const char *value)
{
    fst_buf_addf(out, " %s=\"", name);
    fst_xml_add_value(out, value);
    fst_buf_addc(out, '"');
}

/* classname, name and file: the parts of a node id. */
static void add_names(const struct fst_report *report, struct fst_buf *out,
                      const char *id)
{
    size_t bracket = strcspn(id, "["), from = 0, cut = 0;
    struct fst_buf names = FST_BUF_INIT, classname = FST_BUF_INIT;
    char *file = fst_strndup(id, bracket), *end = strstr(file, "::");
    if (end)
        *end = '\0';
    for (const char *c = file; *c; c++)
        fst_buf_addc(&names, *c == '/' ? '.' : *c);
    if (names.len > 3 && !strcmp(names.data + names.len - 3, ".py")) {
        names.len -= 3;
        fst_buf_end(&names);
    }
    for (size_t i = strlen(file); i < bracket; i++) {
        bool part = id[i] == ':' && id[i + 1] == ':';
        if (part)
            from = cut = names.len;
        fst_buf_addc(&names, part ? '.' : id[i]);
        from += part;
        i += part;
    }
    fst_buf_adds(&names, id + bracket);
    if (report->spec.junit_prefix && *report->spec.junit_prefix)
        fst_buf_addf(&classname, "%s%s", report->spec.junit_prefix,
                     cut ? "." : "");
    fst_buf_add(&classname, fst_buf_str(&names), cut);
    add_attribute(out, "classname", fst_buf_str(&classname));
    add_attribute(out, "name", fst_buf_str(&names) + from);
    if (report->junit_family && !strcmp(report->junit_family, "xunit1"))
        add_attribute(out, "file", file);
    free(file);
    fst_buf_release(&names);
    fst_buf_release(&classname);
}

/* Ends an element whose content began at `from`; one without any is written as
 * ElementTree does. */
static void close_element(struct fst_buf *out, size_t from, const char *tag)
{
    if (out->len > from) {
        fst_buf_addf(out, "</%s>", tag);
        return;
    }
    out->len--; /* its ">" */
    fst_buf_adds(out, " />");
}

/* Returns where its content begins. */
static size_t open_testcase(const struct fst_report *report,
                            struct fst_buf *out, const char *id, double seconds)
{
    fst_buf_adds(out, "<testcase");
    add_names(report, out, id);
    fst_buf_addf(out, " time=\"%.3f\">", seconds);
    return out->len;
}

/* <tag type="type" message="message">text</tag> */
static void add_element(struct fst_buf *out, const char *tag, const char *type,
                        const char *message, const char *text)
{
    struct fst_buf plain = FST_BUF_INIT;
    fst_buf_addf(out, "<%s", tag);
    if (type)
        add_attribute(out, "type", type);
    add_attribute(out, "message", message);
    fst_buf_addc(out, '>');
    size_t from = out->len;
    fst_plain_add(&plain, text);
    fst_xml_add_text(out, fst_buf_str(&plain));
    close_element(out, from, tag);
    fst_buf_release(&plain);
}

static void add_skip(struct fst_buf *out, const struct fst_phase *phase,
                     const char *message)
{
    char *text =
        fst_printf("%s: %s", phase->location ? phase->location : "", message);
    if (phase->outcome == FST_XFAILED)
        add_element(out, "skipped", "pytest.xfail", message, "");
    else if (!strcmp(phase->when, "collect"))
        add_element(out, "skipped", NULL, "collection skipped", text);
    else
        add_element(out, "skipped", "pytest.skip", message, text);
    free(text);
}

static void add_phase(struct fst_buf *out, const struct fst_phase *phase)
{
    const char *text = phase->longrepr ? phase->longrepr : "";
    const char *message = phase->message ? phase->message : text;
    if (phase->outcome == FST_FAILED) {
        add_element(out, "failure", NULL, message, text);
    } else if (phase->outcome == FST_ERROR) {
        bool collect = !strcmp(phase->when, "collect");
        bool late = !strcmp(phase->when, "teardown");
        char *said = collect ? fst_strdup("collection failure")
                             : fst_printf("failed on %s with \"%s\"",
                                          late ? "teardown" : "setup", message);
        add_element(out, "error", NULL, said, text);
        free(said);
    } else if (phase->outcome != FST_XPASSED && phase->outcome != FST_PASSED) {
        add_skip(out, phase, message);
    }
}

/* Of the phases from `from` on; a second testcase for a tear-down that failed
 * after its test had. */
static void make_testcase(const struct fst_report *report, struct fst_buf *out,
                          const struct fst_entry *entry, size_t from)
{
    const struct fst_attempt *attempt = entry->verdict;
    double seconds =
        from ? 0 : attempt->setup_s + attempt->call_s + attempt->teardown_s;
    bool failed = false;
    size_t begin = open_testcase(report, out, entry->id, seconds);
    for (size_t i = from; i < attempt->n_phases; i++) {
        const struct fst_phase *phase = &attempt->phases[i];
        if (failed && phase->outcome == FST_ERROR) {
            close_element(out, begin, "testcase");
            begin = open_testcase(report, out, entry->id, 0);
        }
        failed = failed || phase->outcome == FST_FAILED;
        add_phase(out, phase);
    }
    close_element(out, begin, "testcase");
}

static bool has_bad(const struct fst_attempt *attempt, size_t from)
{
    for (size_t i = from; i < attempt->n_phases; i++)
        if (attempt->phases[i].outcome >= FST_FAILED)
            return true;
    return false;
}

/* Returns how many tests pytest counts it as. */
static size_t add_test(const struct fst_report *report, struct fst_buf *out,
                       const struct fst_entry *entry)
{
    const struct fst_attempt *attempt = entry->verdict;
    if (!attempt->junit) {
        /* A call that passed counts, and so does the error behind it. */
        bool late = attempt->n_phases && has_bad(attempt, 0) &&
                    !strcmp(attempt->phases[0].when, "teardown");
        make_testcase(report, out, entry, 0);
        return late ? 2 : 1;
    }
    fst_buf_adds(out, attempt->junit);
    if (!has_bad(attempt, attempt->junit_phases))
        return attempt->junit_tests;
    make_testcase(report, out, entry, attempt->junit_phases);
    return attempt->junit_tests + 1;
}

static size_t add_internal_error(struct fst_buf *out, const char *text)
{
    fst_buf_adds(out, "<testcase classname=\"pytest\" name=\"internal\" "
                      "time=\"0.000\">");
    add_element(out, "error", NULL, "internal error", text);
    fst_buf_adds(out, "</testcase>");
    return 1;
}

/* ---- the frame */

/* In text "<" is always a tag's. */
static size_t count_tags(const char *text, const char *tag)
{
    size_t count = 0, len = strlen(tag);
    while ((text = strstr(text, tag))) {
        text += len;
        count += strchr(" />", *text) && *text;
    }
    return count;
}

static void count_testcases(struct totals *totals, const char *text,
                            size_t tests)
{
    totals->tests += tests;
    totals->errors += count_tags(text, "<error");
    totals->failures += count_tags(text, "<failure");
    totals->skipped += count_tags(text, "<skipped");
}

/* Where no worker has told. */
static char *default_frame(double start_s)
{
    struct fst_buf out = FST_BUF_INIT;
    struct tm local;
    char host[256] = "", date[64];
    time_t seconds = (time_t)start_s;
    localtime_r(&seconds, &local);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &local);
    gethostname(host, sizeof host - 1);
    fst_buf_addf(&out,
                 "<?xml version=\"1.0\" encoding=\"utf-8\"?><testsuites>"
                 "<testsuite name=\"pytest\" errors=\"0\" failures=\"0\" "
                 "skipped=\"0\" tests=\"0\" time=\"0\" "
                 "timestamp=\"%s.%06d\"",
                 date, (int)((start_s - (double)seconds) * 1e6));
    add_attribute(&out, "hostname", host);
    fst_buf_adds(&out, " /></testsuites>");
    return fst_buf_take(&out);
}

/* What ends a frame: its suite is empty. */
static char *frame_end(char *frame)
{
    static const char end[] = "/></testsuites>";
    size_t len = strlen(frame);
    if (len < sizeof end || strcmp(frame + len - strlen(end), end))
        return NULL;
    return frame + len - strlen(end);
}

/* The frame up to the suite's content, with the numbers in it: within quotes a
 * quote never stands. */
static void add_head(struct fst_buf *out, const char *frame,
                     const char *const (*values)[2], size_t n_values)
{
    bool quoted = false;
    while (*frame) {
        size_t i = 0, len = 0;
        for (; !quoted && i < n_values; i++) {
            len = strlen(values[i][0]);
            if (!strncmp(frame, values[i][0], len))
                break;
        }
        if (quoted || i == n_values) {
            quoted = quoted != (*frame == '"');
            fst_buf_addc(out, *frame++);
            continue;
        }
        fst_buf_addf(out, "%s%s\"", values[i][0], values[i][1]);
        frame += len + strcspn(frame + len, "\"");
        frame += *frame == '"';
    }
    while (out->len && out->data[out->len - 1] == ' ')
        out->data[--out->len] = '\0';
    fst_buf_addc(out, '>');
}

static void put_head(const struct fst_report *report, struct fst_buf *out,
                     const struct totals *totals, double seconds)
{
    char *frame = fst_strdup(report->junit_frame);
    char *end = frame ? frame_end(frame) : NULL;
    char numbers[5][32];
    if (!end) {
        free(frame);
        frame = default_frame(report->spec.start_s);
        end = frame_end(frame);
    }
    *end = '\0';
    snprintf(numbers[0], sizeof *numbers, "%zu", totals->errors);
    snprintf(numbers[1], sizeof *numbers, "%zu", totals->failures);
    snprintf(numbers[2], sizeof *numbers, "%zu", totals->skipped);
    snprintf(numbers[3], sizeof *numbers, "%zu", totals->tests);
    snprintf(numbers[4], sizeof *numbers, "%.3f", seconds);
    const char *const values[][2] = {
        {" errors=\"", numbers[0]},  {" failures=\"", numbers[1]},
        {" skipped=\"", numbers[2]}, {" tests=\"", numbers[3]},
        {" time=\"", numbers[4]},
    };
    add_head(out, frame, values, sizeof values / sizeof *values);
    free(frame);
}

static void put_properties(const struct fst_report *report, struct fst_buf *out)
{
    const struct fst_strings *properties = &report->book.properties;
    if (!properties->count)
        return;
    fst_buf_adds(out, "<properties>");
    for (size_t i = 0; i < properties->count; i++)
        fst_buf_adds(out, properties->items[i]);
    fst_buf_adds(out, "</properties>");
}

static void put_report(const struct fst_report *report,
                       struct fst_outfile *file, int exit_code, double end_s)
{
    struct fst_entries entries = {0};
    struct totals totals = {0};
    struct fst_buf text = FST_BUF_INIT, internal = FST_BUF_INIT;
    fst_order_sort(&report->order, &report->book, &entries);
    for (size_t i = 0; i < entries.count; i++) {
        fst_buf_clear(&text);
        size_t tests = add_test(report, &text, entries.items[i]);
        count_testcases(&totals, fst_buf_str(&text), tests);
    }
    if (exit_code == 3 && report->end_text) {
        size_t tests = add_internal_error(&internal, report->end_text);
        count_testcases(&totals, fst_buf_str(&internal), tests);
    }
    put_head(report, &file->out, &totals, end_s - report->spec.start_s);
    put_properties(report, &file->out);
    for (size_t i = 0; i < entries.count; i++) {
        add_test(report, &file->out, entries.items[i]);
        fst_outfile_drain(file);
    }
    fst_buf_adds(&file->out, fst_buf_str(&internal));
    fst_buf_adds(&file->out, "</testsuite></testsuites>");
    fst_buf_release(&text);
    fst_buf_release(&internal);
    fst_vec_free(&entries);
}

int fst_junit_write(const struct fst_report *report, int exit_code,
                    double end_s, struct fst_err *err)
{
    struct fst_outfile file;
    if (fst_outfile_open(&file, report->spec.junit_path, err))
        return -1;
    put_report(report, &file, exit_code, end_s);
    return fst_outfile_close(&file, err);
}
