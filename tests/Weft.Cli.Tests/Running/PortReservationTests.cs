using System.Net;
using System.Net.Sockets;
using Shouldly;
using Weft.Cli.Running;
using Xunit;

namespace Weft.Cli.Tests.Running;

public sealed class PortReservationTests
{
    [Fact]
    public void A_reserved_port_is_refused_to_strangers_and_to_other_runs_and_open_to_the_proxy()
    {
        using var first = new PortReservation();
        var port = first.Take(IPAddress.Loopback, new Random(1));

        using var stranger = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        Should.Throw<SocketException>(() => stranger.Bind(new IPEndPoint(IPAddress.Loopback, port)));

        using var second = new PortReservation();
        second.Take(IPAddress.Loopback, new Random(1)).ShouldNotBe(port, "the same seed begins at the same port");

        // What the proxy does, and does again when it is restarted.
        for (var i = 0; i < 2; i++)
        {
            using var proxy = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            proxy.SetRawSocketOption(1, 15, BitConverter.GetBytes(1));
            proxy.Bind(new IPEndPoint(IPAddress.Loopback, port));
            proxy.Listen();
            using var client = new TcpClient();
            client.Connect(IPAddress.Loopback, port); // the reservation itself takes no connection away
            using var accepted = proxy.Accept();
        }
    }

    [Fact]
    public void A_full_range_is_an_error_that_names_it()
    {
        using var reservation = new PortReservation(first: 31_990, last: 31_990);
        reservation.Take(IPAddress.Loopback, new Random(1));
        Should.Throw<CliException>(() => reservation.Take(IPAddress.Loopback, new Random(1))).Message.ShouldContain("31990");
    }
}
