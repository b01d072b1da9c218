/* A clock that nobody sets: CLOCK_MONOTONIC, the same for all processes of a
 * machine. The time of day is that of the program's start and what it has
 * counted since. */
#ifndef FST_BASE_STEADY_H
#define FST_BASE_STEADY_H

/* Seconds since some moment before the program's start. */
double fst_steady_s(void);
/* Unix time of that moment, as the system's clock is set now. */
double fst_steady_epoch_s(void);

#endif
