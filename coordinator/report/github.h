/* --github: annotations as GitHub's workflow commands, and a summary of the
 * job in Markdown (docs.github.com, "Workflow commands for GitHub Actions").
 * Private to this layer. Loop thread only. */
#ifndef FST_REPORT_GITHUB_H
#define FST_REPORT_GITHUB_H

#include "coordinator/report/state.h"

/* Appends "::error file=…,line=…,title=…::message" for each failure and error,
 * "::warning …" for what is flaky or failed only out of order, and why the run
 * ended early. Paths are relative to spec.github_workspace where they lie below
 * it. */
void fst_github_annotate(const struct fst_report *report, int exit_code,
                         struct fst_buf *out);
/* Appends the summary to the file, which other steps write to as well. */
int fst_github_summarize(const struct fst_report *report, int exit_code,
                         double end_s, const char *path, struct fst_err *err);
/* With GitHub's escapes; property: between commas. */
void fst_github_escape(struct fst_buf *out, const char *text, bool property);

#endif
