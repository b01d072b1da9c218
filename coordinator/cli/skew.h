/* How the steady clock of an agent's machine stands to ours, measured by the
 * round trips of PINGs. Pure. */
#ifndef FST_CLI_SKEW_H
#define FST_CLI_SKEW_H

#include <stdbool.h>

struct fst_skew { /* zeroed: it is ours */
    double ahead_s;
    double exact_s; /* ahead_s may be off by so much, … */
    double since_s; /* … when it was measured, by our clock */
    bool known;
};

/* It was asked for its clock at asked_s, and heard at heard_s to have said
 * theirs_s in between. The best of such measurements stays until drift may have
 * made it worse than a new one. */
void fst_skew_measure(struct fst_skew *skew, double asked_s, double heard_s,
                      double theirs_s);
/* By our clock. */
double fst_skew_ours(const struct fst_skew *skew, double theirs_s);

#endif
