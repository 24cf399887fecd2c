using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Shouldly;
using Weft.Routing.Names;
using Weft.TestSupport;
using Xunit;
using static Weft.Proxy.Tests.Names.DnsBytes;

namespace Weft.Proxy.Tests.Names;

/// <summary>Questions that other resolvers answer, over real sockets.</summary>
public sealed class ForwardingTests : IDisposable
{
    private readonly UpstreamResolver _upstream = new();

    private DnsUnderTest Start(TimeProvider? time = null, params IPEndPoint[] servers) => new(new DnsServer { Forwarding = DnsUnderTest.To(servers is [] ? [_upstream.Address] : servers) }, time);

    public void Dispose() => _upstream.Dispose();

    private async Task UntilAskedAsync(int times)
    {
        for (var watch = Stopwatch.StartNew(); _upstream.Asked.Count < times; await Task.Delay(5)) watch.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task An_answer_is_passed_on_and_remembered_for_its_time()
    {
        var time = new ManualTime();
        _upstream.Answering("10.0.0.1", seconds: 60);
        using var dns = Start(time);

        (await dns.ResolveAsync("www.shop.test")).ShouldBe("0 10.0.0.1/60");
        time.Advance(TimeSpan.FromSeconds(20));
        (await dns.ResolveAsync("WWW.Shop.Test")).ShouldBe("0 10.0.0.1/40", "and case makes no difference");
        (await dns.ResolveAsync("www.shop.test", type: 16)).ShouldNotBeEmpty();
        _upstream.Asked.ShouldBe(["udp www.shop.test 1", "udp www.shop.test 16"]);
        time.Advance(TimeSpan.FromSeconds(40));
        (await dns.ResolveAsync("www.shop.test")).ShouldBe("0 10.0.0.1/60");
        _upstream.Asked.Count.ShouldBe(3);
        (dns.Queries("cached"), dns.Queries("forwarded")).ShouldBe((1, 3));
    }

    [Fact]
    public async Task That_there_is_nothing_is_remembered_too_for_as_long_as_was_said()
    {
        var time = new ManualTime();
        _upstream.OnDatagram = q => [Reply(q, Answers | (Read(q).Name.StartsWith('n') ? 3 : 0), 0, 1, Soa("test", 3600, 45))];
        using var dns = Start(time);

        for (var i = 0; i < 3; i++)
        {
            (await dns.ResolveAsync("nowhere.in.test")).ShouldBe("3");
            (await dns.ResolveAsync("v6only.in.test")).ShouldBe("0");
        }
        _upstream.Asked.Count.ShouldBe(2);
        dns.Queries("nxdomain").ShouldBe(3);
        time.Advance(TimeSpan.FromSeconds(44));
        (await dns.ResolveAsync("nowhere.in.test")).ShouldBe("3");
        _upstream.Asked.Count.ShouldBe(2);
        time.Advance(TimeSpan.FromSeconds(1));
        (await dns.ResolveAsync("nowhere.in.test")).ShouldBe("3");
        _upstream.Asked.Count.ShouldBe(3);
    }

    [Fact]
    public async Task Many_who_ask_the_same_are_one_question()
    {
        using var release = new ManualResetEventSlim();
        _upstream.OnDatagram = q =>
        {
            release.Wait(TimeSpan.FromSeconds(20));
            return [Reply(q, Answers, 1, 0, A(PointerToQuestion, 60, "10.0.0.1"))];
        };
        using var dns = new DnsUnderTest(new DnsServer { Forwarding = new DnsForwarding([_upstream.Address]) { AttemptTimeout = TimeSpan.FromSeconds(30) } });

        var asking = Enumerable.Range(0, 50).Select(i => dns.ResolveAsync(i % 2 == 0 ? "www.shop.test" : "WWW.SHOP.TEST")).ToList();
        while (dns.Host.Worker.SocketCount < 3) await Task.Delay(5); // two of the listener, one of the question
        await Task.Delay(100);
        release.Set();

        (await Task.WhenAll(asking)).ShouldAllBe(a => a == "0 10.0.0.1/60");
        _upstream.Asked.Count.ShouldBe(1);
    }

    [Fact]
    public async Task Forged_answers_are_not_believed_and_the_true_one_is()
    {
        _upstream.OnDatagram = q =>
        {
            var (id, question, _, _) = Read(q);
            var forged = A(PointerToQuestion, 3600, "6.6.6.6");
            UpstreamResolver.Forge(_upstream.Datagrams.Last().From, Reply(q, Answers, 1, 0, forged)); // all right but where it comes from
            return
            [
                Message(id ^ 1, Answers, 1, 1, 0, 0, question, forged),
                Message(id, Answers, 1, 1, 0, 0, Question("www.shop.tesd"), forged),
                Message(id, Answers, 1, 1, 0, 0, Question("www.shop.test", 28), forged),
                [1, 2, 3],
                Reply(q, Answers, 1, 0, A(PointerToQuestion, 60, "10.0.0.1")),
            ];
        };
        using var dns = Start();

        (await dns.ResolveAsync("www.shop.test")).ShouldBe("0 10.0.0.1/60");
        dns.Metric("weft_dns_upstream_foreign_total").ShouldBe(4);
        (await dns.ResolveAsync("www.shop.test")).ShouldBe("0 10.0.0.1/60");
    }

    [Fact]
    public async Task Ids_and_ports_are_different_each_time()
    {
        _upstream.Answering("10.0.0.1", seconds: 0);
        using var dns = Start();
        for (var i = 0; i < 50; i++) await dns.ResolveAsync("www.shop.test");

        _upstream.Datagrams.Count.ShouldBe(50);
        _upstream.Datagrams.Select(d => d.From.Port).Distinct().Count().ShouldBeGreaterThan(40);
        _upstream.Datagrams.Select(d => (d.Query[0] << 8) | d.Query[1]).Distinct().Count().ShouldBeGreaterThan(45);
    }

    [Fact]
    public async Task What_does_not_fit_into_a_datagram_is_asked_for_over_tcp()
    {
        var records = Enumerable.Range(0, 200).Select(i => A(PointerToQuestion, 60, $"10.0.{i / 100}.{i % 100}")).ToArray();
        _upstream.OnDatagram = q => [Reply(q, Answers | 0x0200, 0, 0)];
        _upstream.OnStream = q => Reply(q, Answers, 200, 0, records);
        using var dns = Start();

        (await dns.ResolveAsync("www.shop.test")).ShouldBe("0 truncated", "this client asked by datagram too");
        using var client = await dns.ConnectAsync();
        await client.GetStream().WriteAsync(DnsUnderTest.Framed(Query("www.shop.test")));
        DnsUnderTest.Summary(await DnsUnderTest.ReadFramedAsync(client.GetStream())).Split(' ').Length.ShouldBe(201);
        _upstream.Asked.ShouldBe(["udp www.shop.test 1", "tcp www.shop.test 1"]);
    }

    [Fact]
    public async Task A_resolver_that_does_not_know_EDNS_is_asked_without()
    {
        _upstream.OnDatagram = q => [q[11] > 0 ? Reply(q, Answers | 1, 0, 0) : Reply(q, Answers, 1, 0, A(PointerToQuestion, 60, "10.0.0.1"))];
        using var dns = Start();

        (await dns.ResolveAsync("www.shop.test")).ShouldBe("0 10.0.0.1/60");
        _upstream.Asked.Count.ShouldBe(2);
    }

    [Theory]
    [InlineData("silent")]
    [InlineData("SERVFAIL")]
    [InlineData("broken")]
    [InlineData("not there")]
    public async Task When_one_resolver_fails_the_next_is_asked_and_first_from_then_on(string how)
    {
        using var bad = new UpstreamResolver
        {
            OnDatagram = how switch
            {
                "SERVFAIL" => q => [Reply(q, Answers | 2, 0, 0)],
                "broken" => q => [Reply(q, Answers, 3, 0)],
                _ => _ => [],
            },
        };
        var address = how == "not there" ? new IPEndPoint(IPAddress.Loopback, Ports.Free()) : bad.Address;
        _upstream.Answering("10.0.0.1");
        using var dns = Start(null, address, _upstream.Address);

        (await dns.ResolveAsync("a.shop.test")).ShouldBe("0 10.0.0.1/60");
        (await dns.ResolveAsync("b.shop.test")).ShouldBe("0 10.0.0.1/60");
        bad.Asked.Count.ShouldBe(how == "not there" ? 0 : 1);
        dns.Metric("weft_dns_upstream_failures_total").ShouldBe(1);
    }

    [Fact]
    public async Task Silence_is_a_failure_within_a_bound_and_the_failure_is_remembered_for_a_moment()
    {
        var time = new ManualTime();
        using var dns = Start(time);

        var asking = dns.ResolveAsync("www.shop.test");
        await UntilAskedAsync(1);
        dns.Advance(time, TimeSpan.FromSeconds(2));
        await UntilAskedAsync(2);
        asking.IsCompleted.ShouldBeFalse("two attempts of 2 s");
        dns.Advance(time, TimeSpan.FromSeconds(2));
        (await asking).ShouldBe("2");
        (await dns.ResolveAsync("www.shop.test")).ShouldBe("2");
        _upstream.Asked.Count.ShouldBe(2);
        _upstream.Answering("10.0.0.1");
        dns.Advance(time, TimeSpan.FromSeconds(1));
        (await dns.ResolveAsync("www.shop.test")).ShouldBe("0 10.0.0.1/60");
    }

    [Fact]
    public async Task Only_so_many_questions_are_under_way()
    {
        using var dns = new DnsUnderTest(new DnsServer { Forwarding = new DnsForwarding([_upstream.Address]) { AttemptTimeout = TimeSpan.FromSeconds(3), Attempts = 1 }, MaxPending = 3 });
        var watch = Stopwatch.StartNew();
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(async i => (await dns.ResolveAsync($"a{i}.shop.test"), watch.ElapsedMilliseconds)));

        answers.ShouldAllBe(a => a.Item1 == "2");
        answers.Count(a => a.ElapsedMilliseconds > 2500).ShouldBe(3);
        _upstream.Asked.Count.ShouldBe(3);
    }

    [Fact]
    public async Task Those_who_wait_for_the_same_answer_are_bounded_too_and_cost_little_each()
    {
        using var dns = new DnsUnderTest(new DnsServer { Forwarding = new DnsForwarding([_upstream.Address]) { AttemptTimeout = TimeSpan.FromSeconds(30), Attempts = 1 }, MaxPending = 500 });
        var large = Message(7, Asks, 1, 0, 0, 1, Question("www.shop.test"), Opt(options: [.. Number(65001), .. Number(3500), .. new byte[3500]]));
        using var flood = new UdpClient(AddressFamily.InterNetwork);
        flood.Connect(dns.Address);
        await flood.SendAsync(large);
        await UntilAskedAsync(1);
        var before = dns.Host.On(() => GC.GetAllocatedBytesForCurrentThread());
        var refused = 0;
        for (var i = 0; i < 2000; i++)
        {
            await flood.SendAsync(large);
            if (i % 10 != 0) continue;
            dns.Host.On(() => { });
            while (flood.Available > 0)
            {
                DnsUnderTest.Summary((await flood.ReceiveAsync()).Buffer[..^11]).ShouldBe("2"); // without its OPT record
                refused++;
            }
        }
        (dns.Host.On(() => GC.GetAllocatedBytesForCurrentThread()) - before).ShouldBeLessThan(500 * 1000, "a question's own bytes, not its options'");
        refused.ShouldBeGreaterThan(500, "some datagrams may be lost");
        _upstream.Asked.Count.ShouldBe(1);
    }

    [Fact]
    public async Task It_never_asks_itself()
    {
        var self = new IPEndPoint(IPAddress.Loopback, Ports.Free());
        using var dns = new DnsUnderTest(new DnsServer { Forwarding = DnsUnderTest.To(self) }, at: self);

        (await dns.ResolveAsync("www.shop.test")).ShouldBe("2");
        dns.Queries("servfail").ShouldBe(1, "the question of the client alone");
    }

    [Fact]
    public async Task A_resolver_that_asks_us_back_ends_in_failure_and_not_in_a_storm()
    {
        // What a resolver does that was told to forward to us: the same question, from a port of its own.
        DnsUnderTest? dns = null;
        _upstream.OnDatagram = q =>
        {
            using var back = new UdpClient(AddressFamily.InterNetwork);
            back.Send(q, dns!.Address);
            return [];
        };
        dns = new DnsUnderTest(new DnsServer { Forwarding = new DnsForwarding([_upstream.Address]) { AttemptTimeout = TimeSpan.FromMilliseconds(300) } });
        using (dns)
        {
            (await dns.ResolveAsync("www.shop.test")).ShouldBe("2");
            _upstream.Asked.Count.ShouldBe(2, "one for each attempt");
        }
    }

    [Fact]
    public async Task Without_the_wish_for_recursion_only_what_is_at_hand_is_told()
    {
        _upstream.Answering("10.0.0.1");
        using var dns = Start();
        var query = Query("www.shop.test");
        query[2] = 0;

        DnsUnderTest.Summary(await dns.AskAsync(query)).ShouldBe("5");
        await dns.ResolveAsync("www.shop.test");
        DnsUnderTest.Summary(await dns.AskAsync(query)).ShouldBe("0 10.0.0.1/60");
        _upstream.Asked.Count.ShouldBe(1);
    }
}
