#include "actors/pending_answer.hpp"

#include "actors/shard_core.hpp"

namespace tally::actors {

pending_answer::~pending_answer() {
  if (!answered_)
    answer(outcome_status::unavailable, "the part of the server that works on this stopped; try again");
}

void pending_answer::answer(std::unique_ptr<document> value) {
  TALLY_ASSERT(!answered_);
  answered_ = true;
  auto back = std::make_unique<forwarded_answers>();
  back->add(who_.to, std::move(value), seq_t{}); // what it shows was durable before it was read
  parts_->core(who_.shard).post(std::move(back));
}

void pending_answer::answer(outcome_status status, std::string what, std::string where, outcome_code code) {
  auto short_answer = std::make_unique<document>();
  short_answer->head.kind = kind_;
  short_answer->head.status = status;
  short_answer->head.code = code;
  short_answer->head.what = std::move(what);
  short_answer->head.where = std::move(where);
  answer(std::move(short_answer));
}

} // namespace tally::actors
