using Shouldly;
using Weft.Proxy.Http2;
using Xunit;

namespace Weft.Proxy.Tests.Http2;

/// <summary>The session alone: both roles against each other, byte by byte.</summary>
public sealed class SessionTests
{
    [Fact]
    public void Bodies_arrive_whole_in_both_directions_whatever_the_windows_and_the_cuts()
    {
        var random = new Random(7);
        for (var round = 0; round < 20; round++)
        {
            var settings = new Http2Settings { StreamWindowBytes = random.Next(300, 70_000), ConnectionWindowBytes = random.Next(65_535, 200_000), MaxUnreadBytes = random.Next(0, 50_000), OutputBytes = random.Next(1, 70_000) };
            using (var pair = new SessionPair(settings, settings with { StreamWindowBytes = random.Next(300, 70_000) }))
            {
                var requests = new List<(SessionPair.Peer Peer, byte[] Body)>();
                pair.Server.OnAccepted = peer =>
                {
                    peer.Takes = () => random.Next(3) > 0;
                    peer.OnHeadRead = p => p.Stream.Resume();
                };
                for (var i = 0; i < 8; i++)
                {
                    var body = new byte[random.Next(1, 100_000)];
                    random.NextBytes(body);
                    var peer = pair.Client.Open("/" + i, endStream: false);
                    requests.Add((peer, body));
                    Send(peer, body);
                }
                Drive(pair, random);
                pair.Server.Accepted.Count.ShouldBe(8);
                for (var i = 0; i < 8; i++)
                {
                    var server = pair.Server.Accepted[i];
                    server.Body.ToArray().ShouldBe(requests[i].Body, $"round {round}, request {i}");
                    server.Ended.ShouldBeTrue();
                    server.Respond("200", endStream: false);
                    Send(server, requests[i].Body);
                }
                foreach (var (peer, _) in requests) peer.Takes = () => random.Next(3) > 0;
                Drive(pair, random);
                foreach (var (peer, body) in requests)
                {
                    peer.Body.ToArray().ShouldBe(body);
                    (peer.Ended, peer.Closed, peer.Aborted).ShouldBe((true, true, null));
                }
                (pair.Client.Session.StreamCount, pair.Server.Session.StreamCount).ShouldBe((0, 0));
                pair.Client.Session.IsFailed.ShouldBeFalse(pair.Client.Session.FailureText);
                pair.Server.Session.IsFailed.ShouldBeFalse(pair.Server.Session.FailureText);
                pair.Rented.ShouldBe(0);
            }
        }
    }

    [Fact]
    public void The_end_comes_with_the_last_frame_that_has_not_left()
    {
        using var pair = new SessionPair();
        pair.Client.Open("/", endStream: true);
        pair.Run();
        var server = pair.Server.Accepted.ShouldHaveSingleItem();

        server.Respond("200", endStream: false);
        server.Stream.Write("hello"u8);
        server.Stream.WriteEnd(default);

        Frames(pair.Server.Written()).ShouldBe([(1, 4, 1), (0, 1, 5)]); // HEADERS, DATA with END_STREAM
    }

    [Fact]
    public void The_end_comes_alone_when_the_last_frame_has_left()
    {
        using var pair = new SessionPair();
        pair.Client.Open("/", endStream: true);
        pair.Run();
        var server = pair.Server.Accepted.ShouldHaveSingleItem();

        server.Respond("200", endStream: false);
        Frames(pair.Server.Written()).ShouldBe([(1, 4, 1)]);
        server.Stream.WriteEnd(default);
        Frames(pair.Server.Written()).ShouldBe([(0, 1, 0)]);
    }

    [Fact]
    public void A_head_longer_than_a_frame_goes_in_pieces_and_comes_whole()
    {
        using var pair = new SessionPair(server: new Http2Settings { MaxHeaderListBytes = 200_000 });
        var value = new string('v', 120_000);
        pair.Client.Open("/", endStream: true, ("x-long", value), ("x-last", "1"));
        pair.Run(_ => 1000);
        pair.Server.Accepted.ShouldHaveSingleItem().Heads.ShouldBe([$":method=GET;:scheme=http;:authority=a;:path=/;x-long={value};x-last=1;"]);
    }

    [Fact]
    public void A_head_over_the_limit_is_told_and_the_next_one_is_read_right()
    {
        using var pair = new SessionPair(server: new Http2Settings { MaxHeaderListBytes = 1000 });
        pair.Client.Open("/", endStream: true, ("x-long", new string('v', 2000)), ("x-a", "1"));
        pair.Client.Open("/", endStream: true, ("x-a", "1"), ("x-a", "1"));
        pair.Run();
        pair.Server.Accepted.Select(a => a.Heads.Single()).ShouldBe(["too large", ":method=GET;:scheme=http;:authority=a;:path=/;x-a=1;x-a=1;"]);
    }

    [Fact]
    public void A_field_that_cannot_be_written_spoils_its_stream_and_no_other()
    {
        using var pair = new SessionPair();
        var peer = new SessionPair.Peer();
        pair.Client.Session.Open(peer.Stream);
        var writer = peer.Stream.BeginHead();
        writer.Pseudo(":method"u8, "GET"u8);
        writer.Pseudo(":path"u8, "/"u8);
        writer.Field("x-good"u8, "1"u8);
        writer.Field("x-bad"u8, "line\nend"u8);
        peer.Stream.EndHead(ref writer, endStream: true).ShouldBeFalse();
        peer.Closed.ShouldBeTrue();
        var next = pair.Client.Open("/next", endStream: true, ("x-good", "1"));
        pair.Run();

        var (spoiled, served) = (pair.Server.Accepted[0], pair.Server.Accepted[1]);
        spoiled.Heads.Single().ShouldEndWith(":refused=;"); // a pseudo field behind others: malformed for everyone
        spoiled.Aborted!.Value.Code.ShouldBe(Http2ErrorCode.InternalError);
        served.Heads.ShouldBe([":method=GET;:scheme=http;:authority=a;:path=/next;x-good=1;"]);
        next.Aborted.ShouldBeNull();
    }

    [Fact]
    public void A_stream_that_nobody_reads_does_not_stop_the_others()
    {
        using var pair = new SessionPair(server: new Http2Settings { StreamWindowBytes = 70_000, ConnectionWindowBytes = 100_000, MaxUnreadBytes = 100_000 });
        var unread = pair.Client.Open("/unread", endStream: false);
        Send(unread, new byte[500_000]);
        pair.Run();
        pair.Server.OnAccepted = peer => peer.OnHeadRead = p => p.Stream.Resume();
        var read = pair.Client.Open("/read", endStream: false);
        Send(read, new byte[500_000]);
        pair.Run();

        pair.Server.Accepted[1].Body.Length.ShouldBe(500_000);
        pair.Server.Accepted[0].Body.Length.ShouldBe(0);
        unread.Stream.UnsentBytes.ShouldBeGreaterThan(0, "what the window does not allow stays with the sender");
    }

    [Fact]
    public void GoAway_gives_back_what_was_not_taken_and_lets_the_rest_end()
    {
        using var pair = new SessionPair();
        var taken = pair.Client.Open("/1", endStream: true);
        pair.Run();
        pair.Server.Session.GoAway();
        var late = pair.Client.Open("/2", endStream: true); // crosses the GOAWAY
        pair.Client.Deliver(pair.Server, null);
        pair.Run();

        late.Aborted!.Value.Unprocessed.ShouldBeTrue();
        taken.Aborted.ShouldBeNull();
        pair.Client.Session.CanOpen.ShouldBeFalse();
        pair.Server.Accepted.ShouldHaveSingleItem().Respond("200", endStream: true);
        pair.Run();
        (taken.Closed, taken.Ended).ShouldBe((true, true));
    }

    [Fact]
    public void A_stream_over_the_limit_is_refused_unprocessed()
    {
        using var pair = new SessionPair(server: new Http2Settings { MaxConcurrentStreams = 2 });
        var peers = Enumerable.Range(0, 3).Select(i => pair.Client.Open("/" + i, endStream: true)).ToArray(); // before the server's SETTINGS have come
        pair.Run();
        peers.Select(p => p.Aborted?.Unprocessed).ShouldBe([null, null, true]);
        pair.Client.Session.PeerMaxStreams.ShouldBe(2);
    }

    [Fact]
    public void An_answer_before_the_end_of_the_request_resets_without_an_error()
    {
        using var pair = new SessionPair();
        var client = pair.Client.Open("/", endStream: false);
        client.Stream.Write("part"u8);
        pair.Run();
        var server = pair.Server.Accepted.ShouldHaveSingleItem();
        server.Respond("413", endStream: true);
        server.Stream.Leave();
        pair.Run();

        client.Heads.ShouldBe([":status=413;"]);
        (client.Ended, client.Aborted).ShouldBe((true, null));
        client.Closed.ShouldBeTrue("the server does not want the rest");
        pair.Server.Session.StreamCount.ShouldBe(0);
    }

    [Theory]
    [InlineData(65_535 * 2)]
    [InlineData(1)]
    public void Settings_that_move_the_window_move_what_is_on_its_way(int window)
    {
        using var pair = new SessionPair(server: new Http2Settings { StreamWindowBytes = window });
        pair.Server.OnAccepted = peer => peer.OnHeadRead = p => p.Stream.Resume();
        var client = pair.Client.Open("/", endStream: false);
        Send(client, new byte[window == 1 ? 66_000 : 200_000]); // 65,535 of it under the protocol's own window
        pair.Run(_ => 7000);
        pair.Server.Accepted.ShouldHaveSingleItem().Body.Length.ShouldBe(window == 1 ? 66_000 : 200_000);
        pair.Server.Session.IsFailed.ShouldBeFalse(pair.Server.Session.FailureText);
    }

    private static void Send(SessionPair.Peer peer, byte[] body)
    {
        var at = 0;
        void Continue(SessionPair.Peer p)
        {
            while (at < body.Length)
            {
                var size = Math.Min(16_384, body.Length - at);
                at += size;
                if (!p.Stream.Write(body.AsSpan(at - size, size))) return;
            }
            p.Stream.WriteEnd(default);
        }
        peer.OnWritableNow = Continue;
        Continue(peer);
    }

    /// <summary>Runs, and wakes who had refused more, until nothing moves.</summary>
    private static void Drive(SessionPair pair, Random random)
    {
        for (var quiet = 0; quiet < 10;)
        {
            var before = Progress(pair);
            pair.Run(left => random.Next(1, Math.Min(left, 20_000) + 1));
            foreach (var peer in pair.Server.Accepted) peer.Stream.Resume();
            foreach (var peer in pair.Client.Opened) peer.Stream.Resume();
            quiet = Progress(pair) == before ? quiet + 1 : 0;
        }
    }

    private static long Progress(SessionPair pair) => pair.Server.Accepted.Sum(p => p.Body.Length) + pair.Client.Opened.Sum(p => p.Body.Length) + pair.Client.Session.Output.Position + pair.Server.Session.Output.Position;

    private static List<(int Type, int Flags, int Length)> Frames(byte[] bytes)
    {
        var frames = new List<(int, int, int)>();
        for (var rest = bytes.AsSpan(); !rest.IsEmpty;)
        {
            var header = FrameHeader.Read(rest);
            frames.Add(((int)header.Type, (int)header.Flags, header.Length));
            rest = rest[(FrameHeader.Size + header.Length)..];
        }
        return frames;
    }
}
