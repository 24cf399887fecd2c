using Shouldly;
using Weft.Proxy.Overload;
using Weft.Proxy.Tests.Pipelines;
using Weft.TestSupport;
using Xunit;

namespace Weft.Proxy.Tests.Overload;

public sealed class MemoryGuardTests
{
    [Fact]
    public async Task Requests_are_refused_while_memory_is_short_and_served_again_when_it_has_come_back()
    {
        await using var backend = ScriptedBackend.Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        var resident = 100L << 20;
        var time = new ManualTime();
        var settings = new OverloadSettings { MemoryBytes = 200L << 20 };
        var said = new List<string>();
        using var guard = new MemoryGuard(settings, proxy.Admission, () => resident, time, said.Add);
        using var client = await RawClient.ConnectAsync(proxy.Address);

        (await StatusAsync()).ShouldBe(200);
        resident = 181L << 20;
        time.Advance(settings.MemoryLook);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        var refused = await client.ReadResponseAsync();
        (refused.Status, refused["x-weft-fault"], refused["retry-after"]).ShouldBe((503, "overloaded", "1"));
        refused.Body.ShouldContain("181 MB of the 200 MB that this proxy may use are in use (--memory-limit-mb)");
        refused["connection"].ShouldBeNull("the connection is not what is short");

        resident = 165L << 20;
        time.Advance(settings.MemoryLook);
        (await StatusAsync()).ShouldBe(503, "between the two marks nothing changes");
        resident = 159L << 20;
        time.Advance(settings.MemoryLook);
        (await StatusAsync()).ShouldBe(200);
        said.Count.ShouldBe(2);
        proxy.Metric("weft_overload_refused_total{limit=\"memory\"}").ShouldBe(2);

        async Task<int> StatusAsync()
        {
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            return (await client.ReadResponseAsync()).Status;
        }
    }

    [Fact]
    public void Resident_memory_is_what_the_system_says()
    {
        using var memory = new ResidentMemory();
        memory.Read().ShouldBeInRange(20L << 20, 8L << 30);
        ((double)memory.Read() / Environment.WorkingSet).ShouldBeInRange(0.8, 1.25);
    }
}
