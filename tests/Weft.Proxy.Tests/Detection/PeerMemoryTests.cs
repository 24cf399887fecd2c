using System.Net;
using Shouldly;
using Weft.Proxy.Detection;
using Weft.TestSupport;
using Xunit;

namespace Weft.Proxy.Tests.Detection;

public sealed class PeerMemoryTests
{
    private static readonly IPAddress Peer = IPAddress.Parse("10.0.0.7");

    private readonly ManualTime _time = new();
    private readonly PeerMemory _memory;

    public PeerMemoryTests() => _memory = new PeerMemory(_time);

    [Fact]
    public void Who_waited_for_a_greeting_is_known_by_it_for_ten_minutes()
    {
        _memory.WaitsForGreetings(Peer).ShouldBeFalse("a stranger");
        _memory.WaitedForGreeting(Peer);
        _memory.WaitsForGreetings(Peer).ShouldBeTrue();
        _memory.WaitsForGreetings(IPAddress.Parse("10.0.0.8")).ShouldBeFalse();
        _time.Advance(TimeSpan.FromMinutes(9));
        _memory.WaitedForGreeting(Peer);
        _time.Advance(TimeSpan.FromMinutes(9));
        _memory.WaitsForGreetings(Peer).ShouldBeTrue("it did so again");
        _time.Advance(TimeSpan.FromMinutes(1));
        _memory.WaitsForGreetings(Peer).ShouldBeFalse();
    }

    [Fact]
    public void Who_spoke_tls_is_taken_to_speak_it_again_whatever_else_comes_from_its_address()
    {
        _memory.WaitedForGreeting(Peer);
        _memory.SpokeTls(Peer);
        _memory.WaitedForGreeting(Peer);
        _memory.WaitsForGreetings(Peer).ShouldBeFalse();
        _time.Advance(TimeSpan.FromMinutes(11));
        _memory.WaitedForGreeting(Peer);
        _memory.WaitsForGreetings(Peer).ShouldBeTrue("nobody has spoken TLS from there for long");
    }

    [Fact]
    public void A_client_of_many_addresses_takes_nobodys_place_and_its_own_are_given_back()
    {
        _memory.WaitedForGreeting(Peer);
        for (var i = 0; i < PeerMemory.MaxEntries + 10; i++) _memory.SpokeTls(new IPAddress(0x0b000000 + i));
        _memory.WaitsForGreetings(Peer).ShouldBeTrue();
        var late = IPAddress.Parse("10.0.0.8");
        _memory.WaitedForGreeting(late);
        _memory.WaitsForGreetings(late).ShouldBeFalse("there is no room");
        _time.Advance(TimeSpan.FromMinutes(11));
        _memory.WaitedForGreeting(late);
        _memory.WaitsForGreetings(late).ShouldBeTrue();
    }
}
