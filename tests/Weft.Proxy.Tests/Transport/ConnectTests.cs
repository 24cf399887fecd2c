using System.Net;
using System.Net.Sockets;
using Shouldly;
using Weft.Proxy.Tests.Security;
using Weft.Proxy.Tests.Workers;
using Weft.Proxy.Transport;
using Xunit;
using Socket = System.Net.Sockets.Socket;

namespace Weft.Proxy.Tests.Transport;

public sealed class ConnectTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_refused_connection_says_so(bool tls)
    {
        using var pair = new TlsPair();
        using var taken = new Socket(SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // bound and not listening: nobody else can listen there meanwhile
        var recorder = new Recorder(pair.Host);
        var channel = pair.Host.On(() =>
        {
            var made = pair.Host.Worker.Connect((IPEndPoint)taken.LocalEndPoint!, tls ? pair.Client() : null, "", WorkerHost.Patience, recorder);
            recorder.HasFailed.ShouldBeFalse("no handler runs before Connect returns");
            return made;
        });
        recorder.Failed.ShouldBeSameAs(channel);
        (channel.Failure, channel.FailureText, channel.IsOpen).ShouldBe((ChannelFailure.ConnectRefused, "connection refused", false));
    }

    [Fact]
    public void An_address_that_cannot_be_reached_fails_from_the_loop()
    {
        using var host = new WorkerHost();
        var recorder = new Recorder(host);
        host.On(() => host.Worker.Connect(new IPEndPoint(IPAddress.Parse("255.255.255.255"), 80), null, "", WorkerHost.Patience, recorder));
        recorder.Failed.Failure.ShouldBeOneOf(ChannelFailure.Unreachable, ChannelFailure.Other);
        recorder.HasOpened.ShouldBeFalse();
    }

    [Fact]
    public void A_black_hole_ends_at_the_timeout()
    {
        using var host = new WorkerHost();
        using var hole = new BlackHole();
        var recorder = new Recorder(host);
        var started = Environment.TickCount64;
        host.On(() => host.Worker.Connect(hole.Address, null, "", TimeSpan.FromMilliseconds(200), recorder));
        var failed = recorder.Failed;
        (failed.Failure, failed.FailureText).ShouldBe((ChannelFailure.ConnectTimeout, "connect timed out"));
        (Environment.TickCount64 - started).ShouldBeInRange(190, 5_000);
        host.On(() => host.Worker.SocketCount).ShouldBe(0);
    }

    [Fact]
    public void A_closed_connect_tells_nothing_more()
    {
        using var host = new WorkerHost();
        using var hole = new TcpListener(IPAddress.Loopback, 0);
        hole.Start();
        var recorder = new Recorder(host);
        host.On(() => host.Worker.Connect((IPEndPoint)hole.LocalEndpoint, null, "", WorkerHost.Patience, recorder).Close());
        Thread.Sleep(50);
        host.On(() => recorder.HasOpened || recorder.HasFailed).ShouldBeFalse();
        host.On(() => host.Worker.Timers.Count).ShouldBe(0);
    }
}
