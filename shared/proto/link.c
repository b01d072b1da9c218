#include "shared/proto/link.h"

#include <string.h>

#include "shared/base/mem.h"
#include "shared/proto/frame.h"

static void drop_kept(struct fst_link *link, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        link->bytes -= link->kept.items[i].frames.len;
        fst_buf_release(&link->kept.items[i].frames);
    }
    link->kept.count -= n;
    if (n && link->kept.count)
        memmove(link->kept.items, link->kept.items + n,
                link->kept.count * sizeof *link->kept.items);
}

void fst_link_release(struct fst_link *link)
{
    drop_kept(link, link->kept.count);
    fst_vec_free(&link->kept);
    *link = (struct fst_link){0};
}

bool fst_link_counts(enum fst_msg_type type)
{
    switch (type) {
    case FST_MSG_HELLO:
    case FST_MSG_CHALLENGE:
    case FST_MSG_PROOF:
    case FST_MSG_CHECKOUT:
    case FST_MSG_WELCOME:
    case FST_MSG_REJECT:
    case FST_MSG_PING:
    case FST_MSG_ACK:
        return false;
    default:
        return true;
    }
}

const struct fst_buf *fst_link_send(struct fst_link *link, struct fst_msg *msg,
                                    struct fst_err *err)
{
    FST_ASSERT(fst_link_counts(msg->type));
    struct fst_link_sent sent = {.type = msg->type};
    if (link->bytes >= FST_LINK_KEPT_MAX) {
        fst_fail(err, FST_E_LIMIT, "%zu bytes without an acknowledgement",
                 link->bytes);
        return NULL;
    }
    msg->seq = link->sent + 1;
    if (fst_frame_write(msg, true, &sent.frames, err)) {
        fst_buf_release(&sent.frames);
        return NULL;
    }
    link->sent++;
    link->bytes += sent.frames.len;
    fst_vec_add(&link->kept, sent);
    return &link->kept.items[link->kept.count - 1].frames;
}

int fst_link_hear(struct fst_link *link, const struct fst_msg *msg,
                  struct fst_err *err)
{
    if (fst_link_counts(msg->type) != (msg->seq > 0))
        return fst_fail(err, FST_E_PROTO, "a message %s a number",
                        msg->seq ? "that may not have" : "without");
    if (!msg->seq)
        return 1;
    if (msg->seq > link->heard + 1)
        return fst_fail(err, FST_E_PROTO, "message %llu behind message %llu",
                        (unsigned long long)msg->seq,
                        (unsigned long long)link->heard);
    if (msg->seq <= link->heard)
        return 0;
    link->heard++;
    return 1;
}

int fst_link_ack(struct fst_link *link, uint64_t seq, struct fst_err *err)
{
    if (seq > link->sent)
        return fst_fail(
            err, FST_E_PROTO, "ACK of %llu, but only %llu messages were sent",
            (unsigned long long)seq, (unsigned long long)link->sent);
    if (seq > link->acked) {
        drop_kept(link, (size_t)(seq - link->acked));
        link->acked = seq;
    }
    return 0;
}

bool fst_link_owes(const struct fst_link *link)
{
    return link->heard > link->told;
}

struct fst_msg *fst_link_tell(struct fst_link *link)
{
    struct fst_msg *ack = fst_msg_new(FST_MSG_ACK);
    ack->ack.seq = link->told = link->heard;
    return ack;
}

int fst_link_resume(struct fst_link *link, uint64_t heard, struct fst_err *err)
{
    if (heard < link->acked)
        return fst_fail(err, FST_E_PROTO,
                        "it has heard %llu messages, and acknowledged %llu",
                        (unsigned long long)heard,
                        (unsigned long long)link->acked);
    link->told = link->heard; /* the handshake says so */
    return fst_link_ack(link, heard, err);
}

struct fst_msg *fst_link_copy(const struct fst_link *link, size_t i)
{
    const struct fst_buf *from = &link->kept.items[i].frames;
    struct fst_frames frames;
    struct fst_msg *msg = NULL;
    fst_frames_init(&frames, FST_FRAME_MAX, FST_MESSAGE_MAX);
    fst_frames_feed(&frames, from->data, from->len);
    FST_ASSERT(fst_frames_next(&frames, &msg, NULL) == 1);
    fst_frames_release(&frames);
    return msg;
}
