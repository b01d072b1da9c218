/* CLI's --report-json; schema/report.schema.json says what is in it. Written
 * piece by piece, so that a large run needs no second copy of its results. */
#include <string.h>

#include "coordinator/report/jsonparts.h"
#include "coordinator/report/outfile.h"
#include "coordinator/report/state.h"

struct file {
    struct fst_outfile disk;
    struct fst_json_writer json;
};

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
    fst_jw_object(&file->json);
    fst_json_put_string(&file->json, "outcome",
                        fst_outcome_names[attempt->outcome]);
    fst_json_put_string(&file->json, "reason",
                        fst_json_kind_name(attempt->kind));
    put_place(file, report, attempt);
    fst_json_put_longrepr(&file->json, attempt);
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
    fst_json_put_string(&file->json, "nodeid", entry->id);
    fst_json_put_string(&file->json, "outcome",
                        fst_outcome_names[entry->outcome]);
    fst_json_put_double(&file->json, "setup_s", attempt->setup_s);
    fst_json_put_double(&file->json, "call_s", attempt->call_s);
    fst_json_put_double(&file->json, "teardown_s", attempt->teardown_s);
    put_place(file, report, attempt);
    fst_jw_key(&file->json, "worker_pid");
    fst_jw_int(&file->json, attempt->pid);
    put_attempts(file, report, entry);
    fst_json_put_start(&file->json, entry, report->spec.start_s);
    fst_json_put_bool(&file->json, "kept", entry->kept);
    fst_json_put_longrepr(&file->json, attempt);
    put_captured(file, "stdout", "Captured stdout", attempt);
    put_captured(file, "stderr", "Captured stderr", attempt);
    fst_json_put_string(&file->json, "reason", fst_book_reason(entry));
    fst_jw_object_end(&file->json);
    fst_outfile_drain(&file->disk);
}

static void put_discovery(struct file *file, const struct fst_report *report)
{
    fst_jw_key(&file->json, "discovery");
    fst_jw_object(&file->json);
    fst_json_put_size(&file->json, "files", report->found.files);
    fst_json_put_size(&file->json, "tests", report->found.tests);
    fst_json_put_double(&file->json, "duration_s", report->found.duration_s);
    fst_json_put_size(&file->json, "parsed", report->found.parsed);
    fst_json_put_size(&file->json, "cached", report->found.cached);
    fst_jw_object_end(&file->json);
}

static void put_agents(struct file *file, const struct fst_report *report)
{
    const struct fst_agent_entry *agent;
    fst_jw_key(&file->json, "agents");
    fst_jw_array(&file->json);
    fst_vec_each (agent, &report->book.agents) {
        fst_jw_object(&file->json);
        fst_json_put_string(&file->json, "name", agent->name);
        fst_json_put_size(&file->json, "slots", agent->slots);
        fst_json_put_size(&file->json, "tests", agent->tests);
        fst_json_put_labels(&file->json, &agent->labels);
        fst_json_put_double(&file->json, "busy_s", agent->busy_s);
        fst_jw_key(&file->json, "lost");
        fst_jw_bool(&file->json, agent->lost);
        fst_jw_object_end(&file->json);
    }
    fst_jw_array_end(&file->json);
}

static void put_warning(struct file *file, const struct fst_warning *warning)
{
    fst_jw_object(&file->json);
    fst_json_put_warning(&file->json, warning);
    fst_jw_object_end(&file->json);
    fst_outfile_drain(&file->disk);
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
    fst_jw_object(&file->json);
    fst_json_put_int(&file->json, "exit_code", exit_code);
    fst_json_put_string(&file->json, "run", report->spec.run);
    fst_json_put_summary(&file->json, &report->book);
    fst_json_put_double(&file->json, "duration_s",
                        fst_report_duration(report, end_s));
    put_discovery(file, report);
    put_agents(file, report);
    put_lists(file, report);
    fst_jw_object_end(&file->json);
    fst_buf_addc(&file->disk.out, '\n');
}

int fst_jsonfile_write(const struct fst_report *report, int exit_code,
                       double end_s, struct fst_err *err)
{
    struct file file;
    if (fst_outfile_open(&file.disk, report->spec.json_path, err))
        return -1;
    fst_jw_init(&file.json, &file.disk.out);
    put_report(&file, report, exit_code, end_s);
    return fst_outfile_close(&file.disk, err);
}
