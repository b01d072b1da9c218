/* What ends a run before its time: signals, --run-timeout. */
#include <signal.h>
#include <stdio.h>

#include "coordinator/cli/runstate.h"

enum { EXIT_INTERRUPTED = 2 };

void fst_stop_interrupt(struct run *run)
{
    fst_turn_step(run, &(struct fst_event){.type = FST_EV_STOP,
                                           .run = run->id,
                                           .why = "interrupted",
                                           .exit_code = EXIT_INTERRUPTED,
                                           .now = run->interrupts > 1});
    if (run->interrupts > 1 && !run->ended) {
        if (run->local)
            fst_local_kill(run->local);
        fst_turn_step(run, &(struct fst_event){.type = FST_EV_NO_AGENTS,
                                               .run = run->id,
                                               .why = "interrupted"});
    }
}

static void on_signal(void *user, int number)
{
    struct run *run = user;
    (void)number;
    run->interrupts++;
    if (run->greeting)
        fst_loop_stop(&run->loop);
    else
        fst_stop_interrupt(run);
}

void fst_stop_late(void *user)
{
    struct run *run = user;
    char why[64];
    if (run->greeting) {
        fst_loop_stop(&run->loop);
        run->late = true;
        return;
    }
    snprintf(why, sizeof why, "the run took longer than %g s (--run-timeout)",
             run->settings->run_timeout_s);
    fst_turn_step(run, &(struct fst_event){.type = FST_EV_STOP,
                                           .run = run->id,
                                           .why = why,
                                           .exit_code = EXIT_INTERRUPTED});
}

/* It counts from the program's start. */
void fst_stop_limit(struct run *run)
{
    double left_s =
        run->settings->run_timeout_s - (fst_run_now_s(run) - run->start_s);
    run->limit = fst_timer_new(&run->loop, fst_stop_late, run);
    if (run->settings->run_timeout_s > 0)
        fst_timer_set(run->limit, left_s > 0 ? (int64_t)(left_s * 1e9) : 0);
}

int fst_stop_watch(struct run *run, struct fst_err *err)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        run->signals[i] =
            fst_signal_new(&run->loop, numbers[i], on_signal, run, err);
        if (!run->signals[i])
            return -1;
    }
    return 0;
}
