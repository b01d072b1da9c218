#include "coordinator/cli/skew.h"

/* Of two clocks that nothing disciplines: 50 parts in a million each. */
static const double drift = 1e-4;

void fst_skew_measure(struct fst_skew *skew, double asked_s, double heard_s,
                      double theirs_s)
{
    double exact_s = (heard_s - asked_s) / 2;
    double now_exact_s = skew->exact_s + drift * (heard_s - skew->since_s);
    if (skew->known && exact_s > now_exact_s)
        return;
    *skew = (struct fst_skew){
        .ahead_s = theirs_s - (asked_s + exact_s),
        .exact_s = exact_s,
        .since_s = heard_s,
        .known = true,
    };
}

double fst_skew_ours(const struct fst_skew *skew, double theirs_s)
{
    return theirs_s - skew->ahead_s;
}
