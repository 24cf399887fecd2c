using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Shouldly;
using Weft.Proxy.Names.Dns;
using Weft.Proxy.Names.Serving;
using Weft.Proxy.Transport;
using Weft.Routing.Names;
using Xunit;
using static Weft.Proxy.Tests.Names.DnsBytes;
using SocketAddress = Weft.Proxy.Transport.SocketAddress;

namespace Weft.Proxy.Tests.Names;

/// <summary>Names of the mesh, and how clients are served, over real sockets.</summary>
public sealed class ServingTests : IDisposable
{
    private static readonly MeshDomain Mesh = new("shop", ["svc.cluster.local", "svc"], ["shop.svc.cluster.local"]) { LookupTimeout = TimeSpan.FromMilliseconds(300) };

    private readonly UpstreamResolver _upstream = new UpstreamResolver().Answering("93.184.216.34");

    private DnsUnderTest Start(MeshDomain? mesh = null) => new(new DnsServer { Mesh = mesh ?? Mesh, Forwarding = DnsUnderTest.To(_upstream.Address) });

    public void Dispose() => _upstream.Dispose();

    [Fact]
    public async Task A_service_has_its_virtual_addresses_by_every_name_that_it_has()
    {
        using var dns = Start().Managed();
        dns.Know("catalog.shop", DnsUnderTest.Service("catalog.shop", false, "240.240.3.7", "fd77:6566:7400::3:7"));

        foreach (var name in (string[])["catalog", "Catalog.Shop", "catalog.shop.svc", "catalog.shop.svc.cluster.local", "catalog.shop.shop.svc.cluster.local"])
        {
            (await dns.ResolveAsync(name)).ShouldBe("0 240.240.3.7/30", name);
            (await dns.ResolveAsync(name, type: 28)).ShouldBe("0 fd77:6566:7400::3:7/30", name);
        }
        _upstream.Asked.ShouldBeEmpty();
        dns.Queries("mesh").ShouldBe(10);
    }

    [Fact]
    public async Task What_a_service_has_not_is_told_with_how_long_that_holds()
    {
        using var dns = Start().Managed();
        dns.Know("catalog.shop", DnsUnderTest.Service("catalog.shop", false, "240.240.3.7"));

        foreach (var type in (int[])[28, 15, 16, 65, 65280])
        {
            var answer = await dns.AskAsync(Query("catalog", type));
            answer[2].ShouldBe((byte)0x85, "authoritative");
            (answer[3] & 15, (int)answer[7], (int)answer[9]).ShouldBe((0, 0, 1));
            answer[^4..].ShouldBe(Number32(30)); // the SOA record's last field
        }
        _upstream.Asked.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_name_that_was_never_asked_for_waits_for_the_control_plane()
    {
        using var dns = Start(Mesh with { LookupTimeout = TimeSpan.FromSeconds(20) }).Managed();
        var asking = Task.WhenAll(dns.ResolveAsync("catalog"), dns.ResolveAsync("catalog", 28), dns.ResolveAsync("example.com"));
        while (dns.Wanted.Count < 3) await Task.Delay(5);
        asking.IsCompleted.ShouldBeFalse();
        _upstream.Asked.ShouldBeEmpty();

        dns.Know("catalog.shop", DnsUnderTest.Service("catalog.shop", false, "240.240.3.7"));
        dns.Know("example.com", null);

        (await asking).ShouldBe(["0 240.240.3.7/30", "0", "0 93.184.216.34/60"]);
        dns.Wanted.Distinct().ShouldBe(["catalog.shop", "example.com"]);
        _upstream.Asked.ShouldBe(["udp example.com 1"]);
    }

    [Fact]
    public async Task A_control_plane_that_is_away_costs_one_wait_and_names_of_others_none()
    {
        using var dns = Start().Managed();
        var watch = System.Diagnostics.Stopwatch.StartNew();
        (await dns.ResolveAsync("www.example.com")).ShouldBe("0 93.184.216.34/60");
        dns.Wanted.ShouldBeEmpty("three labels are nobody's here");
        (await dns.ResolveAsync("example.com")).ShouldBe("0 93.184.216.34/60");
        watch.ElapsedMilliseconds.ShouldBeGreaterThanOrEqualTo(300);

        watch.Restart();
        for (var i = 0; i < 20; i++) await dns.ResolveAsync($"example{i}.com");
        watch.ElapsedMilliseconds.ShouldBeLessThan(20 * 300 / 2, "the others do not wait");
        dns.Wanted.Distinct().Count().ShouldBe(21, "and are asked for all the same");

        dns.Know("catalog.shop", DnsUnderTest.Service("catalog.shop", false, "240.240.3.7"));
        (await dns.ResolveAsync("catalog")).ShouldBe("0 240.240.3.7/30");
    }

    [Fact]
    public async Task Endpoints_of_a_headless_service_take_turns_and_are_kept_shortly()
    {
        using var dns = Start().Managed();
        dns.Know("db.shop", DnsUnderTest.Service("db.shop", true, "10.0.0.1", "10.0.0.2", "10.0.0.3"));

        var first = new HashSet<string>();
        for (var i = 0; i < 60; i++) first.Add((await dns.ResolveAsync("db")).Split(' ')[1]);
        first.Order().ShouldBe(["10.0.0.1/5", "10.0.0.2/5", "10.0.0.3/5"]);
    }

    [Fact]
    public async Task A_virtual_address_has_its_services_name()
    {
        using var dns = Start().Managed();
        dns.Know("240.240.3.7", DnsUnderTest.Service("catalog.shop", false, "240.240.3.7"));
        dns.Know("10.0.0.1", null);

        var answer = await dns.AskAsync(Query("7.3.240.240.in-addr.arpa", 12));
        answer[^Name("catalog.shop.svc.cluster.local").Length..].ShouldBe(Name("catalog.shop.svc.cluster.local"));
        await dns.AskAsync(Query("1.0.0.10.in-addr.arpa", 12));
        _upstream.Asked.ShouldBe(["udp 1.0.0.10.in-addr.arpa 12"]);
    }

    [Fact]
    public async Task Nobody_to_ask_is_a_refusal_and_no_lie_about_the_name()
    {
        using var dns = new DnsUnderTest(new DnsServer { Table = new DnsTable([new("a.test", new DnsTableEntry([IPAddress.Parse("10.0.0.1")], TimeSpan.FromSeconds(9)))]) });

        (await dns.ResolveAsync("A.test")).ShouldBe("0 10.0.0.1/9");
        (await dns.ResolveAsync("b.test")).ShouldBe("5");
        (dns.Queries("table"), dns.Queries("refused")).ShouldBe((1, 1));
    }

    [Fact]
    public async Task EDNS_is_answered_in_kind()
    {
        using var dns = Start().Managed();
        dns.Know("catalog.shop", DnsUnderTest.Service("catalog.shop", false, "240.240.3.7"));

        var answer = await dns.AskAsync(Message(7, Asks, 1, 0, 0, 1, Question("catalog"), Opt(4096, signatures: true)));
        answer[11].ShouldBe((byte)1);
        answer[^11..].ShouldBe(Opt(1232, signatures: true));
        answer = await dns.AskAsync(Message(7, Asks, 1, 0, 0, 1, Question("catalog"), Opt(version: 3)));
        (answer[3] & 15).ShouldBe(0);
        answer[^11..].ShouldBe(Record([0], 41, 0x01000000, [], 1232), "BADVERS: 16, its upper bits in the OPT record");
    }

    [Fact]
    public async Task More_than_a_client_takes_is_truncated_and_whole_over_tcp()
    {
        using var dns = Start().Managed();
        dns.Know("db.shop", DnsUnderTest.Service("db.shop", true, [.. Enumerable.Range(1, 60).Select(i => $"10.0.0.{i}")]));

        (await dns.ResolveAsync("db")).ShouldBe("0 truncated");
        DnsUnderTest.Summary(await dns.AskAsync(Message(7, Asks, 1, 0, 0, 1, Question("db"), Opt(1232)))).Split(' ').Length.ShouldBe(61);
        using var client = await dns.ConnectAsync();
        await client.GetStream().WriteAsync(DnsUnderTest.Framed(Query("db")));
        DnsUnderTest.Summary(await DnsUnderTest.ReadFramedAsync(client.GetStream())).Split(' ').Length.ShouldBe(61);
    }

    [Fact]
    public async Task Questions_on_one_connection_are_all_answered_however_they_are_cut()
    {
        using var dns = Start().Managed();
        dns.Know("catalog.shop", DnsUnderTest.Service("catalog.shop", false, "240.240.3.7"));
        using var client = await dns.ConnectAsync();
        var all = Enumerable.Range(0, 300).SelectMany(i => DnsUnderTest.Framed(Query(i % 3 == 0 ? $"h{i}.example.test" : "catalog", id: i))).ToArray();

        var stream = client.GetStream();
        for (var at = 0; at < all.Length; at += 37)
        {
            await stream.WriteAsync(all.AsMemory(at, Math.Min(37, all.Length - at)));
            if (at % 370 == 0) await Task.Delay(1);
        }
        client.Client.Shutdown(SocketShutdown.Send); // what was asked is still answered
        var answers = new Dictionary<int, string>();
        for (var i = 0; i < 300; i++)
        {
            var answer = await DnsUnderTest.ReadFramedAsync(stream);
            answers.Add(Read(answer).Id, DnsUnderTest.Summary(answer));
        }
        answers.Where(a => a.Key % 3 == 0).ShouldAllBe(a => a.Value == "0 93.184.216.34/60");
        answers.Where(a => a.Key % 3 != 0).ShouldAllBe(a => a.Value == "0 240.240.3.7/30");
        (await stream.ReadAsync(new byte[1])).ShouldBe(0);
    }

    [Fact]
    public async Task Connections_that_say_nothing_or_too_much_are_closed()
    {
        using var dns = new DnsUnderTest(new DnsServer { TcpIdleTimeout = TimeSpan.FromMilliseconds(200) });
        using var silent = await dns.ConnectAsync();
        using var half = await dns.ConnectAsync();
        await half.GetStream().WriteAsync((byte[])[0, 50, 1, 2]);
        using var large = await dns.ConnectAsync();
        await large.GetStream().WriteAsync(Number(5000));

        foreach (var client in (TcpClient[])[silent, half, large])
        {
            try
            {
                (await client.GetStream().ReadAsync(new byte[1]).AsTask().WaitAsync(TimeSpan.FromSeconds(20))).ShouldBe(0);
            }
            catch (IOException)
            {
                // reset: there were bytes that nobody read
            }
        }
        dns.Host.Until(() => dns.Host.Worker.SocketCount == 2, "the sockets are closed");
        dns.Host.On(() => dns.Host.Worker.Buffers.Rented).ShouldBe(0);
    }

    [Fact]
    public async Task Bytes_that_never_become_a_question_keep_no_connection_open()
    {
        using var dns = new DnsUnderTest(new DnsServer { TcpIdleTimeout = TimeSpan.FromMilliseconds(500) });
        using var client = await dns.ConnectAsync();
        var stream = client.GetStream();
        await stream.WriteAsync(Number(1000));
        var watch = Stopwatch.StartNew();
        await Should.ThrowAsync<IOException>(async () =>
        {
            for (var i = 0; i < 900; i++, await Task.Delay(50)) await stream.WriteAsync((byte[])[0]);
        });
        watch.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(10), "900 bytes take 45 s");
    }

    [Fact]
    public async Task A_connection_that_never_stops_sending_leaves_others_their_turn()
    {
        using var dns = Start().Managed();
        dns.Know("catalog.shop", DnsUnderTest.Service("catalog.shop", false, "240.240.3.7"));
        using var flood = await dns.ConnectAsync();
        using var done = new CancellationTokenSource();
        var sending = Task.Run(() =>
        {
            var emptyMessages = new byte[1 << 20]; // which have no answer, so nothing holds their sender back
            while (!done.IsCancellationRequested) flood.Client.Send(emptyMessages);
        });
        dns.Host.Until(() => dns.Queries("dropped") > 10_000, "it is under way");
        var (messages, turns) = dns.Host.On(() => (dns.Queries("dropped"), dns.Host.Worker.Turns));
        for (var i = 0; i < 20; i++) (await dns.ResolveAsync("catalog").WaitAsync(TimeSpan.FromSeconds(5))).ShouldBe("0 240.240.3.7/30");
        var perTurn = dns.Host.On(() => (dns.Queries("dropped") - messages) / (dns.Host.Worker.Turns - turns));

        perTurn.ShouldBeLessThan(1000, "tens of thousands fit into what a socket holds");
        sending.IsCompleted.ShouldBeFalse("it goes on all the while");
        await done.CancelAsync();
        await sending;
    }

    [Fact]
    public async Task A_flood_of_invented_names_while_the_control_plane_is_silent_is_bounded()
    {
        using var dns = new DnsUnderTest(new DnsServer
        {
            Mesh = new MeshDomain("shop", [], []) { LookupTimeout = TimeSpan.FromMilliseconds(500) }, Forwarding = DnsUnderTest.To(_upstream.Address), MaxPending = 100,
        }).Managed();
        using var flood = new UdpClient(AddressFamily.InterNetwork);
        flood.Connect(dns.Address);
        for (var i = 0; i < 5000; i++)
        {
            await flood.SendAsync(Query($"invented-{i}"));
            if (i % 50 != 0) continue;
            dns.Host.On(() => { });
            dns.Context.Names.Waiting.ShouldBeLessThanOrEqualTo(100);
        }
        dns.Host.Until(() => dns.Context.Names.Waiting == 0, "those that waited were told");
        for (var i = 0; i < 1000; i++) await flood.SendAsync(Query($"later-{i}"));
        dns.Host.On(() => { });
        dns.Wanted.Count(w => w.StartsWith("later-", StringComparison.Ordinal)).ShouldBeLessThanOrEqualTo(100);
        dns.Wanted.Count.ShouldBeLessThan(1000, "100 that wait, and 100 in each silence of five seconds");
    }

    [Fact]
    public async Task Thousands_of_malformed_messages_harm_nobody_else()
    {
        using var dns = Start().Managed();
        dns.Know("catalog.shop", DnsUnderTest.Service("catalog.shop", false, "240.240.3.7"));
        using var done = new CancellationTokenSource();
        var flood = Task.Run(async () =>
        {
            var random = new Random(1);
            using var attacker = new UdpClient(AddressFamily.InterNetwork);
            attacker.Connect(dns.Address);
            var sent = 0;
            for (; sent < 20_000 || !done.IsCancellationRequested; sent++)
            {
                var bytes = Query("catalog.shop");
                if (random.Next(3) == 0) random.NextBytes(bytes);
                else for (var i = 0; i < 4; i++) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
                if (random.Next(10) == 0) bytes = new byte[random.Next(9000)];
                try
                {
                    attacker.Send(bytes[..random.Next(bytes.Length + 1)]);
                }
                catch (System.Net.Sockets.SocketException)
                {
                    // its own buffer is full
                }
                if (sent % 64 == 0) await Task.Yield();
            }
            return sent;
        });
        for (var i = 0; i < 200; i++)
        {
            // A datagram may be lost in the flood; the client asks again, as every resolver's library does.
            var answer = "";
            for (var tries = 0; answer.Length == 0 && tries < 20; tries++)
            {
                using var client = new UdpClient(AddressFamily.InterNetwork);
                client.Connect(dns.Address);
                await client.SendAsync(Query("catalog"));
                var received = client.ReceiveAsync();
                if (await Task.WhenAny(received, Task.Delay(500)) == received) answer = DnsUnderTest.Summary((await received).Buffer);
            }
            answer.ShouldBe("0 240.240.3.7/30");
        }
        await done.CancelAsync();
        (await flood).ShouldBeGreaterThanOrEqualTo(20_000);
        (dns.Queries("malformed") + dns.Queries("dropped")).ShouldBeGreaterThan(1000);
    }

    [Fact]
    public async Task What_is_at_hand_is_answered_without_allocating()
    {
        using var dns = Start().Managed();
        dns.Know("catalog.shop", DnsUnderTest.Service("catalog.shop", false, "240.240.3.7"));
        await dns.ResolveAsync("www.example.com");
        var (mesh, cached) = (Query("catalog.shop.svc.cluster.local"), Query("www.example.com"));
        var resolver = dns.Resolver;
        var into = new byte[ushort.MaxValue];
        var path = new NoPath();

        var allocated = dns.Host.On(() =>
        {
            SocketAddress nobody = default;
            for (var i = 0; i < 2000; i++) Once();
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 10_000; i++) Once();
            return GC.GetAllocatedBytesForCurrentThread() - before;

            void Once()
            {
                if (resolver.Handle(mesh, path, nobody, into) <= 0 || resolver.Handle(cached, path, nobody, into) <= 0) throw new InvalidOperationException("not answered at once");
            }
        });

        allocated.ShouldBeLessThan(10_000, "less than a byte for each: nothing");
    }

    private sealed class NoPath : IReplyPath
    {
        public int MaxBytes(in DnsQuery query) => 512;

        public void Reply(ReadOnlySpan<byte> response, in SocketAddress client) => throw new InvalidOperationException("answered at once");
    }
}
