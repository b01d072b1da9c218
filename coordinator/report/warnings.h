/* The warnings of a run: kept once a message, shown as pytest's summary.
 *
 * Private to this layer. Loop thread only. */
#ifndef FST_REPORT_WARNINGS_H
#define FST_REPORT_WARNINGS_H

#include "coordinator/report/index.h"
#include "coordinator/report/term.h"
#include "shared/base/arena.h"
#include "shared/base/vec.h"
#include "shared/proto/msg.h"

struct fst_warning_group { /* all warnings of one message */
    const char *message, *category;
    FST_VEC(uint32_t) members; /* indices in `all` */
};

struct fst_warnings { /* zeroed is empty */
    struct fst_arena arena;
    FST_VEC(struct fst_warning) all; /* in order of arrival */
    FST_VEC(struct fst_warning_group) groups;
    struct fst_index by_message;
    struct fst_index strings; /* node ids and files, each kept once */
    FST_VEC(const char *) texts;
    const char *cwd; /* while they are shown */
};

void fst_warnings_add(struct fst_warnings *warnings,
                      const struct fst_warning *warning); /* copies */
void fst_warnings_release(struct fst_warnings *warnings);
/* "=== warnings summary ===": each message with the tests it came from; from
 * ten on, how many in which file. Nothing where there are none. cwd: what paths
 * are shown relative to; NULL: as they are. */
void fst_warnings_show(struct fst_warnings *warnings, const char *cwd,
                       struct fst_term *term);

#endif
