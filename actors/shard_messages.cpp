#include "actors/shard_messages.hpp"

#include "actors/shard_core.hpp"

#include <caf/sec.hpp>

namespace tally::actors {

void forwarded_requests::deliver(shard_core& owner) {
  std::array<staged, shard::stage_size> stage;
  for (std::size_t done = 0; done < operations_.size();) {
    const std::size_t count = std::min(stage.size(), operations_.size() - done);
    for (std::size_t i = 0; i < count; ++i) {
      stage[i] = {};
      stage[i].asked = &operations_[done + i].asked;
      stage[i].who = operations_[done + i].who;
    }
    owner.submit_forwarded(std::span(stage).first(count));
    done += count;
  }
}

void forwarded_answers::deliver(shard_core& owner) {
  for (answer& each : answers_) {
    owner.settled_elsewhere();
    if (each.long_value)
      owner.answer_here(each.to, std::move(each.long_value), each.release_at);
    else
      owner.answer_here(each.to, each.value, each.release_at);
  }
}

account_mail::~account_mail() {
  if (what_ && what_->sender && what_->mid.is_request())
    what_->sender->enqueue(to_, what_->mid.response_id(), caf::make_message(caf::make_error(caf::sec::request_receiver_down)), nullptr);
}

void account_mail::deliver(shard_core&) { to_->enqueue(std::move(what_), nullptr); }

void program_publication::deliver(shard_core& owner) { owner.publish_program(*this); }

void park_request::deliver(shard_core& owner) { owner.park(); }

void parked_notice::deliver(shard_core& owner) { owner.standing().parked(owner); }

void unpark_request::deliver(shard_core& owner) { owner.unpark(); }

} // namespace tally::actors
