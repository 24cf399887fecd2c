using Shouldly;
using Weft.Control.Store;
using Xunit;

namespace Weft.Control.Tests.Store;

public sealed class EventHistoryTests
{
    private readonly ResourceStore _store = ResourceStore.Open(new FaultyFiles(), new StoreOptions { HistoryEvents = 5 });

    [Fact]
    public async Task Watch_from_the_oldest_kept_revision_works_and_one_before_is_gone()
    {
        for (var i = 1; i <= 12; i++) await _store.PutAsync("a", $"{i}");
        _store.History.Read(7).Select(e => e.Revision).ShouldBe([8, 9, 10, 11, 12]);
        var gone = Should.Throw<HistoryGoneException>(() => _store.History.Read(6));
        gone.Oldest.ShouldBe(7);
        _store.History.Read(12).ShouldBeEmpty();
    }

    [Fact]
    public async Task Waiting_watch_wakes_at_the_next_event_and_not_before()
    {
        await _store.PutAsync("a", "1");
        _store.History.WaitAsync(0, default).IsCompleted.ShouldBeTrue();
        var waiting = _store.History.WaitAsync(1, default);
        waiting.IsCompleted.ShouldBeFalse();
        await _store.PutAsync("a", "2");
        await waiting.WaitAsync(TimeSpan.FromSeconds(5));
        _store.History.Read(1).Single().Text().ShouldBe("2 Modified a=2");
    }

    [Fact]
    public async Task Watcher_from_the_future_reads_nothing()
    {
        await _store.PutAsync("a", "1");
        _store.History.Read(99).ShouldBeEmpty();
    }
}
