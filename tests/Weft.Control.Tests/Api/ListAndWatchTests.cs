using System.Text.Json.Nodes;
using Shouldly;
using Weft.Control.Api;
using Weft.Control.Store;
using Xunit;
using static Weft.Control.Tests.Api.TestApi;

namespace Weft.Control.Tests.Api;

public sealed class ListAndWatchTests : IAsyncLifetime
{
    private readonly TestApi _api = new() { StoreOptions = new StoreOptions { HistoryEvents = 20 }, Options = new ApiOptions { MaxPagedLists = 2, MaxWatches = 3 } };

    public async ValueTask InitializeAsync()
    {
        await _api.InitializeAsync();
        foreach (var (name, label) in new[] { ("a", "x"), ("b", "y"), ("c", "x"), ("d", "x") })
            (await _api.PostAsync(Services, Service(name, label: label))).ShouldSucceed(201);
    }

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Theory]
    [InlineData("labelSelector=app%3Dx", "a c d")]
    [InlineData("labelSelector=app!%3Dx", "b")]
    [InlineData("labelSelector=app+in+(x,y),app+notin+(y)", "a c d")]
    [InlineData("labelSelector=!app", "")]
    [InlineData("labelSelector=app", "a b c d")]
    [InlineData("fieldSelector=metadata.name%3Db", "b")]
    public async Task Selectors_choose(string query, string expected) =>
        Names((await _api.GetAsync($"{Services}?{query}")).ShouldSucceed()).ShouldBe(expected);

    [Theory]
    [InlineData("labelSelector=a+b")]
    [InlineData("labelSelector==x")]
    [InlineData("fieldSelector=spec.x%3D1")]
    [InlineData("continue=zzz")]
    public async Task Selector_that_is_not_understood_is_BadRequest(string query) =>
        (await _api.GetAsync($"{Services}?{query}&limit=1")).ShouldFail(400, "BadRequest");

    [Fact]
    public async Task Pages_are_of_one_state_and_end_in_410_when_it_is_no_longer_kept()
    {
        var first = (await _api.GetAsync($"{Services}?limit=2")).ShouldSucceed();
        Names(first).ShouldBe("a b");
        ((int)first["metadata"]!["remainingItemCount"]!).ShouldBe(2);
        var token = Uri.EscapeDataString((string)first["metadata"]!["continue"]!);
        (await _api.SendAsync(HttpMethod.Delete, $"{Services}/c")).ShouldSucceed();
        (await _api.PostAsync(Services, Service("bb"))).ShouldSucceed(201);
        var second = (await _api.GetAsync($"{Services}?limit=2&continue={token}")).ShouldSucceed();
        Names(second).ShouldBe("c d");
        second["metadata"]!["continue"].ShouldBeNull();
        ((string?)second["metadata"]!["resourceVersion"]).ShouldBe((string?)first["metadata"]!["resourceVersion"]);
        for (var i = 0; i < 2; i++)
        {
            (await _api.PostAsync(Services, Service($"more{i}"))).ShouldSucceed(201);
            (await _api.GetAsync($"{Services}?limit=1")).ShouldSucceed();
        }
        (await _api.GetAsync($"{Services}?limit=2&continue={token}")).ShouldFail(410, "Expired");
    }

    [Fact]
    public async Task Watch_from_a_list_s_version_sees_every_later_change_in_order()
    {
        var version = (string?)(await _api.GetAsync(Services)).ShouldSucceed()["metadata"]!["resourceVersion"];
        using var watch = await _api.WatchAsync($"{Services}?watch=true&resourceVersion={version}&labelSelector=app%3Dx");
        await RelabelAsync("b", "x");
        await RelabelAsync("a", "y");
        await RelabelAsync("c", "x", extra: "1");
        (await _api.SendAsync(HttpMethod.Delete, $"{Services}/d")).ShouldSucceed();
        (await watch.NextAsync()).ShouldBe("ADDED b", "it entered the selector");
        (await watch.NextAsync()).ShouldBe("DELETED a", "it left the selector");
        (await watch.NextAsync()).ShouldBe("MODIFIED c");
        (await watch.NextAsync()).ShouldBe("DELETED d");
    }

    [Fact]
    public async Task Watch_without_a_version_starts_with_what_there_is()
    {
        using var watch = await _api.WatchAsync($"{Services}?watch=1&labelSelector=app%3Dx&allowWatchBookmarks=true");
        (await watch.NextAsync()).ShouldBe("ADDED a");
        (await watch.NextAsync()).ShouldBe("ADDED c");
        (await watch.NextAsync()).ShouldBe("ADDED d");
        (await watch.NextAsync()).ShouldBe("BOOKMARK");
        (await _api.PostAsync(Services, Service("e", label: "x"))).ShouldSucceed(201);
        (await watch.NextAsync()).ShouldBe("ADDED e");
    }

    [Fact]
    public async Task Idle_watch_gets_bookmarks_and_ends_at_its_time()
    {
        using var watch = await _api.WatchAsync($"{Services}?watch=1&resourceVersion={_api.Store.Current.Revision}&allowWatchBookmarks=true&timeoutSeconds=45");
        await AdvanceUntilAsync(watch.NextAsync(), TimeSpan.FromSeconds(30), "BOOKMARK");
        var end = watch.ReadLineAsync();
        for (var i = 0; i < 200 && !end.IsCompleted; i++) { _api.Time.Advance(TimeSpan.FromSeconds(20)); await Task.WhenAny(end, Task.Delay(20)); }
        string? last = await end;
        while (last is not null) last = await watch.ReadLineAsync();
    }

    [Fact]
    public async Task Too_old_version_is_410_at_the_start_and_an_ERROR_event_later()
    {
        for (var i = 0; i < 25; i++) await RelabelAsync("a", $"v{i}");
        (await _api.GetAsync($"{Services}?watch=true&resourceVersion=1")).ShouldFail(410, "Expired");
        (await _api.GetAsync($"{Services}?watch=true&resourceVersion=99999")).ShouldFail(410, "Expired");
        Should.Throw<HistoryGoneException>(() => _api.Store.History.Read(1));
    }

    [Fact]
    public async Task Watches_are_bounded_and_one_that_ends_makes_room()
    {
        var open = new List<StreamReader>();
        for (var i = 0; i < 3; i++) open.Add(await _api.WatchAsync($"{Services}?watch=true"));
        (await _api.GetAsync($"{Services}?watch=true")).ShouldFail(429, "TooManyRequests");
        open[0].Dispose();
        for (var i = 0; ; i++)
        {
            try { using var again = await _api.WatchAsync($"{Services}?watch=true"); break; }
            catch (ShouldAssertException) when (i < 200) { await Task.Delay(20); }
        }
        foreach (var watch in open) watch.Dispose();
    }

    private async Task AdvanceUntilAsync(Task<string> line, TimeSpan step, string expected)
    {
        for (var i = 0; i < 200 && !line.IsCompleted; i++)
        {
            // The watch arms its timer after it answered: advance a little at a time until it has.
            await Task.WhenAny(line, Task.Delay(20));
            if (!line.IsCompleted && i % 5 == 4) _api.Time.Advance(step);
        }
        (await line).ShouldBe(expected);
    }

    private async Task RelabelAsync(string name, string label, string extra = "0") =>
        (await _api.SendAsync(HttpMethod.Patch, $"{Services}/{name}", $$"""{"metadata":{"labels":{"app":"{{label}}","extra":"{{extra}}"} } }""", "application/merge-patch+json")).ShouldSucceed();

    private static string Names(JsonNode list) => string.Join(' ', list["items"]!.AsArray().Select(i => (string?)i!["metadata"]!["name"]));
}
