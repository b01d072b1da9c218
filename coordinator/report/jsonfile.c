/* CLI's --report-json; schema/report.schema.json says what is in it. Written
 * piece by piece, so that a large run needs no second copy of its results. */
#include "coordinator/report/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/mem.h"
#include "shared/json/json.h"

struct file {
    int fd;
    int failed; /* errno of the first write that failed */
    struct fst_buf out;
    struct fst_json_writer json;
};

static void drain(struct file *file)
{
    for (size_t at = 0; at < file->out.len && !file->failed;) {
        ssize_t n = write(file->fd, file->out.data + at, file->out.len - at);
        if (n >= 0)
            at += (size_t)n;
        else if (errno != EINTR)
            file->failed = errno;
    }
    fst_buf_clear(&file->out);
}

static void drain_some(struct file *file)
{
    enum { PIECE = 256 * 1024 };
    if (file->out.len >= PIECE)
        drain(file);
}

static void put_string(struct file *file, const char *key, const char *text)
{
    fst_jw_key(&file->json, key);
    fst_jw_string(&file->json, text);
}

static void put_size(struct file *file, const char *key, size_t value)
{
    fst_jw_key(&file->json, key);
    fst_jw_int(&file->json, (int64_t)value);
}

static void put_double(struct file *file, const char *key, double value)
{
    fst_jw_key(&file->json, key);
    fst_jw_double(&file->json, value);
}

/* Appends text without escape sequences (ECMA-48: ESC [ parameters, one byte
 * from @ to ~). */
static void add_plain(struct fst_buf *out, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\x1b");
        fst_buf_add(out, text, len);
        text += len;
        if (!*text)
            return;
        text++;
        if (*text != '[')
            continue;
        text += 1 + strspn(text + 1, "0123456789;:<=>? !\"#$%&'()*+,-./");
        if (*text >= '@' && *text <= '~')
            text++;
    }
}

/* The texts of an attempt's phases, one below the other; null: none. */
static void put_longrepr(struct file *file, const struct fst_attempt *attempt)
{
    struct fst_buf text = FST_BUF_INIT;
    bool any = false;
    for (size_t i = 0; i < attempt->n_phases; i++) {
        if (!attempt->phases[i].longrepr)
            continue;
        if (text.len && text.data[text.len - 1] != '\n')
            fst_buf_addc(&text, '\n');
        add_plain(&text, attempt->phases[i].longrepr);
        any = true;
    }
    fst_jw_key(&file->json, "longrepr");
    if (any)
        fst_jw_stringn(&file->json, fst_buf_str(&text), text.len);
    else
        fst_jw_null(&file->json);
    fst_buf_release(&text);
}

/* The book keeps the same section of two phases under one address. */
static bool is_repeated(const struct fst_attempt *attempt, size_t phase,
                        const char *text)
{
    for (size_t i = 0; i < phase; i++)
        for (size_t k = 0; k < attempt->phases[i].n_sections; k++)
            if (attempt->phases[i].sections[k].text == text)
                return true;
    return false;
}

static void put_captured(struct file *file, const char *key, const char *name,
                         const struct fst_attempt *attempt)
{
    struct fst_buf text = FST_BUF_INIT;
    for (size_t i = 0; i < attempt->n_phases; i++) {
        const struct fst_phase *phase = &attempt->phases[i];
        for (size_t k = 0; k < phase->n_sections; k++)
            if (strncmp(phase->sections[k].name, name, strlen(name)) == 0 &&
                !is_repeated(attempt, i, phase->sections[k].text))
                fst_buf_adds(&text, phase->sections[k].text);
    }
    fst_jw_key(&file->json, key);
    fst_jw_stringn(&file->json, fst_buf_str(&text), text.len);
    fst_buf_release(&text);
}

static void put_place(struct file *file, const struct fst_report *report,
                      const struct fst_attempt *attempt)
{
    fst_jw_key(&file->json, "agent");
    if (attempt->agent == FST_NO_AGENT)
        fst_jw_null(&file->json);
    else
        fst_jw_string(&file->json,
                      report->book.agents.items[attempt->agent].name);
    fst_jw_key(&file->json, "slot");
    fst_jw_int(&file->json, attempt->slot);
}

static void put_attempt(struct file *file, const struct fst_report *report,
                        const struct fst_attempt *attempt)
{
    static const char *const reasons[] = {
        [FST_ATTEMPT_FIRST] = "first",
        [FST_ATTEMPT_CONFIRM] = "confirmation",
        [FST_ATTEMPT_RETRY] = "retry",
        [FST_ATTEMPT_AGAIN] = "agent lost",
        [FST_ATTEMPT_DUPLICATE] = "duplicate",
    };
    fst_jw_object(&file->json);
    put_string(file, "outcome", fst_outcome_names[attempt->outcome]);
    put_string(file, "reason", reasons[attempt->kind]);
    put_place(file, report, attempt);
    put_longrepr(file, attempt);
    fst_jw_object_end(&file->json);
}

static void put_attempts(struct file *file, const struct fst_report *report,
                         const struct fst_entry *entry)
{
    fst_jw_key(&file->json, "attempts");
    fst_jw_array(&file->json);
    for (const struct fst_attempt *at = &entry->first; at; at = at->next)
        if (at != entry->verdict && at->kind != FST_ATTEMPT_DUPLICATE)
            put_attempt(file, report, at);
    put_attempt(file, report, entry->verdict);
    fst_jw_array_end(&file->json);
}

static void put_test(struct file *file, const struct fst_report *report,
                     const struct fst_entry *entry)
{
    const struct fst_attempt *attempt = entry->verdict;
    fst_jw_object(&file->json);
    put_string(file, "nodeid", entry->id);
    put_string(file, "outcome", fst_outcome_names[entry->outcome]);
    put_double(file, "setup_s", attempt->setup_s);
    put_double(file, "call_s", attempt->call_s);
    put_double(file, "teardown_s", attempt->teardown_s);
    put_place(file, report, attempt);
    fst_jw_key(&file->json, "worker_pid");
    fst_jw_int(&file->json, attempt->pid);
    put_attempts(file, report, entry);
    double start = attempt->start_s - report->spec.start_s;
    fst_jw_key(&file->json, "start_s");
    if (attempt->start_s > 0)
        fst_jw_double(&file->json, start > 0 ? start : 0);
    else
        fst_jw_null(&file->json);
    put_longrepr(file, attempt);
    put_captured(file, "stdout", "Captured stdout", attempt);
    put_captured(file, "stderr", "Captured stderr", attempt);
    put_string(file, "reason", fst_book_reason(entry));
    fst_jw_object_end(&file->json);
    drain_some(file);
}

static void put_summary(struct file *file, const struct fst_report *report)
{
    const struct fst_book *book = &report->book;
    size_t outcomes[FST_OUTCOMES] = {0}, total = 0;
    struct fst_entry *const *entry;
    fst_vec_each (entry, &book->entries)
        if ((*entry)->verdict) {
            outcomes[(*entry)->outcome]++;
            total++;
        }
    fst_jw_key(&file->json, "summary");
    fst_jw_object(&file->json);
    put_size(file, "passed", outcomes[FST_PASSED]);
    put_size(file, "failed", outcomes[FST_FAILED]);
    put_size(file, "error", outcomes[FST_ERROR]);
    put_size(file, "skipped", outcomes[FST_SKIPPED]);
    put_size(file, "xfailed", outcomes[FST_XFAILED]);
    put_size(file, "xpassed", outcomes[FST_XPASSED]);
    put_size(file, "total", total);
    put_size(file, "flaky", fst_book_flaky(book));
    put_size(file, "deselected", book->counts[FST_STAT_DESELECTED]);
    put_size(file, "not_run", book->not_run.count);
    fst_jw_object_end(&file->json);
}

static void put_discovery(struct file *file, const struct fst_report *report)
{
    fst_jw_key(&file->json, "discovery");
    fst_jw_object(&file->json);
    put_size(file, "files", report->found.files);
    put_size(file, "tests", report->found.tests);
    put_double(file, "duration_s", report->found.duration_s);
    put_size(file, "parsed", report->found.parsed);
    put_size(file, "cached", report->found.cached);
    fst_jw_object_end(&file->json);
}

static void put_agents(struct file *file, const struct fst_report *report)
{
    const struct fst_agent_entry *agent;
    fst_jw_key(&file->json, "agents");
    fst_jw_array(&file->json);
    fst_vec_each (agent, &report->book.agents) {
        fst_jw_object(&file->json);
        put_string(file, "name", agent->name);
        put_size(file, "slots", agent->slots);
        put_size(file, "tests", agent->tests);
        put_double(file, "busy_s", agent->busy_s);
        fst_jw_key(&file->json, "lost");
        fst_jw_bool(&file->json, agent->lost);
        fst_jw_object_end(&file->json);
    }
    fst_jw_array_end(&file->json);
}

static void put_warning(struct file *file, const struct fst_warning *warning)
{
    fst_jw_object(&file->json);
    put_string(file, "message", warning->message);
    put_string(file, "category", warning->category);
    put_string(file, "nodeid", warning->nodeid);
    put_string(file, "file", warning->file);
    fst_jw_key(&file->json, "line");
    if (warning->file)
        fst_jw_int(&file->json, warning->line);
    else
        fst_jw_null(&file->json);
    fst_jw_object_end(&file->json);
    drain_some(file);
}

static void put_lists(struct file *file, const struct fst_report *report)
{
    struct fst_entry *const *entry;
    fst_jw_key(&file->json, "tests");
    fst_jw_array(&file->json);
    fst_vec_each (entry, &report->book.entries)
        if ((*entry)->verdict)
            put_test(file, report, *entry);
    fst_jw_array_end(&file->json);
    fst_jw_key(&file->json, "not_run");
    fst_jw_array(&file->json);
    for (size_t i = 0; i < report->book.not_run.count; i++)
        fst_jw_string(&file->json, report->book.not_run.items[i]);
    fst_jw_array_end(&file->json);
    fst_jw_key(&file->json, "warnings");
    fst_jw_array(&file->json);
    for (size_t i = 0; i < report->notes.count; i++)
        put_warning(file,
                    &(struct fst_warning){.message = report->notes.items[i],
                                          .category = "fastest"});
    const struct fst_warning *warning;
    fst_vec_each (warning, &report->warnings.all)
        put_warning(file, warning);
    fst_jw_array_end(&file->json);
}

static void put_report(struct file *file, const struct fst_report *report,
                       int exit_code, double end_s)
{
    double last_s = report->book.last_s;
    if (!(last_s > 0) || last_s > end_s)
        last_s = end_s;
    double duration_s = last_s - report->spec.start_s;
    fst_jw_object(&file->json);
    fst_jw_key(&file->json, "exit_code");
    fst_jw_int(&file->json, exit_code);
    put_string(file, "run", report->spec.run);
    put_summary(file, report);
    put_double(file, "duration_s", duration_s > 0 ? duration_s : 0);
    put_discovery(file, report);
    put_agents(file, report);
    put_lists(file, report);
    fst_jw_object_end(&file->json);
    fst_buf_addc(&file->out, '\n');
    drain(file);
}

int fst_jsonfile_write(const struct fst_report *report, int exit_code,
                       double end_s, struct fst_err *err)
{
    const char *path = report->spec.json_path;
    struct file file = {0};
    struct stat info;
    /* A device, pipe or link is written to, not replaced. */
    bool there = !lstat(path, &info) && !S_ISREG(info.st_mode);
    char *beside = there ? fst_strdup(path)
                         : fst_printf("%s.%ld.tmp", path, (long)getpid());
    int result = -1;
    file.fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file.fd < 0) {
        fst_fail_sys(err, "cannot write the report %s", path);
        goto out;
    }
    fst_jw_init(&file.json, &file.out);
    put_report(&file, report, exit_code, end_s);
    if (close(file.fd) && !file.failed)
        file.failed = errno;
    errno = file.failed;
    if (file.failed || (!there && rename(beside, path))) {
        fst_fail_sys(err, "cannot write the report %s", path);
        if (!there)
            unlink(beside);
        goto out;
    }
    result = 0;
out:
    fst_buf_release(&file.out);
    free(beside);
    return result;
}
