#include "coordinator/report/events.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "coordinator/report/jsonparts.h"
#include "coordinator/report/outfile.h"
#include "shared/base/steady.h"

void fst_events_init(struct fst_events *events, double start_s, double epoch_s)
{
    *events =
        (struct fst_events){.fd = -1, .start_s = start_s, .epoch_s = epoch_s};
}

int fst_events_open(struct fst_events *events, const char *path,
                    struct fst_err *err)
{
    if (strcmp(path, "-") == 0) {
        events->fd = STDOUT_FILENO;
        return 0;
    }
    if (fst_outfile_check(path, err))
        return -1;
    events->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (events->fd < 0) {
        fst_fail_sys(err, "cannot write the report %s", path);
        if (err)
            err->code = FST_E_USAGE;
        return -1;
    }
    events->owned = true;
    return 0;
}

void fst_events_release(struct fst_events *events)
{
    if (events->owned)
        close(events->fd);
    fst_buf_release(&events->out);
}

int fst_events_flush(struct fst_events *events, const char *path,
                     struct fst_err *err)
{
    if (events->failed)
        fst_buf_clear(&events->out);
    else if (events->out.len)
        events->failed = fst_outfile_write(events->fd, &events->out);
    errno = events->failed;
    if (!errno || errno == EPIPE)
        return 0;
    return fst_fail_sys(err, "cannot write the report %s", path);
}

/* ---- one line each */

struct line {
    struct fst_events *events;
    struct fst_json_writer json;
};

static double since_start(const struct fst_events *events)
{
    return events->epoch_s + fst_steady_s() - events->start_s;
}

static bool begin(struct line *line, struct fst_events *events,
                  const char *name)
{
    double time_s = since_start(events);
    if (events->fd < 0)
        return false;
    line->events = events;
    fst_jw_init(&line->json, &events->out);
    fst_jw_object(&line->json);
    fst_json_put_string(&line->json, "event", name);
    fst_json_put_double(&line->json, "time_s", time_s > 0 ? time_s : 0);
    return true;
}

static void end(struct line *line)
{
    fst_jw_object_end(&line->json);
    fst_buf_addc(&line->events->out, '\n');
}

void fst_events_began(struct fst_events *events,
                      const struct fst_report_spec *spec)
{
    struct line line;
    if (!begin(&line, events, "run_started"))
        return;
    fst_json_put_string(&line.json, "run", spec->run);
    fst_json_put_string(&line.json, "version", FST_VERSION);
    fst_json_put_double(&line.json, "started", spec->start_s);
    fst_json_put_size(&line.json, "workers", (size_t)spec->workers);
    end(&line);
}

void fst_events_discovered(struct fst_events *events,
                           const struct fst_report_discovery *found)
{
    struct line line;
    if (!begin(&line, events, "discovered"))
        return;
    fst_json_put_size(&line.json, "files", found->files);
    fst_json_put_size(&line.json, "tests", found->tests);
    fst_json_put_double(&line.json, "duration_s", found->duration_s);
    end(&line);
}

void fst_events_agent(struct fst_events *events,
                      const struct fst_agent_entry *agent, bool lost)
{
    struct line line;
    if (!begin(&line, events, lost ? "agent_lost" : "agent_joined"))
        return;
    fst_json_put_string(&line.json, "agent", agent ? agent->name : NULL);
    if (agent && !lost) {
        fst_json_put_size(&line.json, "slots", agent->slots);
        fst_json_put_labels(&line.json, &agent->labels);
    }
    end(&line);
}

void fst_events_worker(struct fst_events *events, const char *agent,
                       const struct fst_state *state)
{
    static const char *const names[] = {
        [FST_SLOT_UP] = "worker_started",    [FST_SLOT_DOWN] = "worker_ended",
        [FST_SLOT_RETIRED] = "slot_retired", [FST_SLOT_FATAL] = "worker_failed",
        [FST_SLOT_STOP] = "run_stopped",     [FST_SLOT_PAUSED] = "slot_paused",
        [FST_SLOT_RESUMED] = "slot_resumed",
    };
    struct line line;
    if (!begin(&line, events, names[state->state]))
        return;
    fst_json_put_string(&line.json, "agent", agent);
    fst_json_put_size(&line.json, "slot", state->slot);
    if (state->state == FST_SLOT_UP) {
        fst_json_put_int(&line.json, "worker_pid", state->pid);
        fst_json_put_string(&line.json, "python", state->python);
        fst_json_put_string(&line.json, "pytest", state->pytest);
    } else {
        fst_json_put_string(&line.json, "reason", state->text);
    }
    end(&line);
}

static void add_place(struct line *line, const struct fst_book *book,
                      const struct fst_attempt *attempt)
{
    const char *agent = attempt->agent == FST_NO_AGENT
                            ? NULL
                            : book->agents.items[attempt->agent].name;
    fst_json_put_string(&line->json, "agent", agent);
    fst_json_put_size(&line->json, "slot", attempt->slot);
}

/* A try that was no verdict, told when the next one is there. */
static void tell_retried(struct fst_events *events, const struct fst_book *book,
                         const struct fst_effect *effect)
{
    const struct fst_entry *entry = fst_book_find(book, effect->id);
    const struct fst_attempt *before = fst_book_before_last(entry);
    struct line line;
    if (!before || effect->kind == FST_ATTEMPT_DUPLICATE || effect->past ||
        !begin(&line, events, "test_retried"))
        return;
    fst_json_put_string(&line.json, "nodeid", entry->id);
    fst_json_put_string(&line.json, "outcome",
                        fst_outcome_names[before->outcome]);
    add_place(&line, book, before);
    fst_json_put_longrepr(&line.json, before);
    fst_json_put_string(&line.json, "reason", fst_json_kind_name(effect->kind));
    end(&line);
}

static void tell_finished(struct fst_events *events,
                          const struct fst_book *book,
                          const struct fst_effect *effect)
{
    const struct fst_entry *entry = fst_book_find(book, effect->id);
    const struct fst_attempt *attempt = entry->verdict;
    bool amended = effect->type == FST_EF_AMEND;
    struct line line;
    if (!attempt ||
        !begin(&line, events, amended ? "test_amended" : "test_finished"))
        return;
    fst_json_put_string(&line.json, "nodeid", entry->id);
    fst_json_put_string(&line.json, "outcome",
                        fst_outcome_names[entry->outcome]);
    fst_json_put_double(&line.json, "setup_s", attempt->setup_s);
    fst_json_put_double(&line.json, "call_s", attempt->call_s);
    fst_json_put_double(&line.json, "teardown_s", attempt->teardown_s);
    add_place(&line, book, attempt);
    fst_json_put_int(&line.json, "worker_pid", attempt->pid);
    fst_json_put_start(&line.json, entry, events->start_s);
    fst_json_put_bool(&line.json, "kept", entry->kept);
    fst_json_put_size(&line.json, "attempts", fst_book_attempts(entry));
    fst_json_put_longrepr(&line.json, attempt);
    fst_json_put_string(&line.json, "reason", fst_book_reason(entry));
    end(&line);
}

static void tell_note(struct fst_events *events, const char *text)
{
    fst_events_warning(
        events, &(struct fst_warning){.message = text, .category = "fastest"});
}

static void tell_list(struct fst_events *events,
                      const struct fst_collected *list)
{
    struct line line;
    if (!begin(&line, events, "collected"))
        return;
    fst_json_put_string(&line.json, "file", list->file);
    fst_json_put_size(&line.json, "tests", list->n_items);
    fst_json_put_size(&line.json, "deselected", list->deselected.count);
    end(&line);
}

static void tell_id(struct fst_events *events, const char *name, const char *id)
{
    struct line line;
    if (!begin(&line, events, name))
        return;
    fst_json_put_string(&line.json, "nodeid", id);
    end(&line);
}

void fst_events_effect(struct fst_events *events, const struct fst_book *book,
                       const struct fst_effect *effect)
{
    if (events->fd < 0)
        return;
    switch (effect->type) {
    case FST_EF_ATTEMPT:
        tell_retried(events, book, effect);
        break;
    case FST_EF_OUTCOME:
    case FST_EF_AMEND:
        tell_finished(events, book, effect);
        break;
    case FST_EF_LIST:
        tell_list(events, effect->list);
        break;
    case FST_EF_LISTED:
        tell_id(events, "listed", effect->id);
        break;
    case FST_EF_NOT_RUN:
        tell_id(events, "test_not_run", effect->id);
        break;
    case FST_EF_NOTE:
        tell_note(events, effect->text);
        break;
    case FST_EF_OUT:
    case FST_EF_SEND:
    case FST_EF_OPENED:
    case FST_EF_DESELECTED:
    case FST_EF_ENDED:
        break;
    }
}

void fst_events_warning(struct fst_events *events,
                        const struct fst_warning *warning)
{
    struct line line;
    if (!begin(&line, events, "warning"))
        return;
    fst_json_put_warning(&line.json, warning);
    end(&line);
}

void fst_events_finished(struct fst_events *events, const struct fst_book *book,
                         int exit_code, const char *text, double duration_s)
{
    struct line line;
    if (!begin(&line, events, "run_finished"))
        return;
    fst_json_put_int(&line.json, "exit_code", exit_code);
    fst_json_put_string(&line.json, "reason", text);
    fst_json_put_summary(&line.json, book);
    fst_json_put_double(&line.json, "duration_s", duration_s);
    end(&line);
}
