#include "actors/standstill.hpp"

#include "actors/shard_core.hpp"

namespace tally::actors {

void standstill::ask(shard_core& here, job what) {
  here.parts().core(0).post(
      std::make_unique<errand>([what = std::move(what)](shard_core& home) mutable { home.standing().add(home, std::move(what)); }));
}

void standstill::add(shard_core& home, job what) {
  jobs_.push_back(std::move(what));
  if (!stopping_)
    begin(home);
}

void standstill::begin(shard_core& home) {
  stopping_ = true;
  parked_ = 0;
  const std::size_t others = home.parts().shards.size() - 1;
  for (std::uint32_t i = 1; i <= others; ++i)
    home.parts().core(i).post(std::make_unique<park_request>());
  if (others == 0)
    finish(home);
}

void standstill::parked(shard_core& home) {
  if (++parked_ == home.parts().shards.size() - 1)
    finish(home);
}

void standstill::finish(shard_core& home) {
  home.refreshed_now();
  for (const job& each : jobs_)
    each(home);
  jobs_.clear();
  stopping_ = false;
  for (std::uint32_t i = 1; i < home.parts().shards.size(); ++i)
    home.parts().core(i).post(std::make_unique<unpark_request>());
}

} // namespace tally::actors
