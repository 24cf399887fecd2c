using Shouldly;
using Weft.Control.Insights;
using Weft.Telemetry.Metrics;
using Weft.Telemetry.Outcomes;
using Weft.TestSupport;
using Xunit;

namespace Weft.Control.Tests.Insights;

/// <summary>Byte connections, from a proxy's counters over the wire into the rows that people see.</summary>
public sealed class ConnectionWindowTests
{
    private const string Client = "default/client";
    private const string Ledger = "default/ledger";
    private readonly ManualTime _time = new();
    private readonly TrafficWindow _window;
    private readonly TellingProxy _client;
    private readonly TellingProxy _ledger;

    public ConnectionWindowTests()
    {
        _window = new TrafficWindow(_time);
        _client = new TellingProxy(_time, "client-1.default");
        _ledger = new TellingProxy(_time, "ledger-1.default");
    }

    [Fact]
    public void The_caller_tells_what_was_begun_moved_and_failed_and_the_called_what_was_encrypted()
    {
        PushBoth();
        for (var i = 0; i < 20; i++)
        {
            _client.Opened(Direction.Outbound, Client, Ledger, ChannelSecurity.Mtls, received: 1000, sent: 5000);
            _ledger.Opened(Direction.Inbound, Client, Ledger, i < 15 ? ChannelSecurity.Mtls : ChannelSecurity.None, received: 1000, sent: 5000);
        }
        for (var i = 0; i < 5; i++) _client.Ended(Direction.Outbound, Client, Ledger, ChannelSecurity.Mtls, i switch { 0 => Fault.ConnectFailure, 1 => Fault.UpstreamReset, 2 => Fault.Draining, 3 => Fault.IdleTimeout, _ => Fault.None });
        _time.Advance(TimeSpan.FromSeconds(10));
        PushBoth();

        var row = _window.Report().Connections.ShouldHaveSingleItem();
        (row.From, row.To).ShouldBe((Client, Ledger));
        row.Numbers.ShouldBe(new ConnectionNumbers(ConnectionsPerSecond: 2, Open: 15, Failures: 2, SentPerSecond: 2000, ReceivedPerSecond: 10_000, MtlsShare: 0.75));
    }

    [Fact]
    public void A_caller_whom_the_called_cannot_name_has_one_row_and_a_stranger_in_plaintext_his_own()
    {
        PushBoth();
        for (var i = 0; i < 10; i++)
        {
            _client.Opened(Direction.Outbound, Client, Ledger, ChannelSecurity.Mtls, received: 1, sent: 1);
            _ledger.Opened(Direction.Inbound, Vocabulary.Unknown, Ledger, ChannelSecurity.Mtls, received: 1, sent: 1);
        }
        _ledger.Opened(Direction.Inbound, Vocabulary.Unknown, Ledger, ChannelSecurity.None, received: 1, sent: 1);
        _time.Advance(TimeSpan.FromSeconds(10));
        PushBoth();

        _window.Report().Connections.Select(c => (c.From, c.Numbers.Open, c.Numbers.MtlsShare)).ShouldBe([(Client, 10L, 1d), (Vocabulary.Unknown, 1L, 0d)]);
    }

    [Fact]
    public void A_connection_that_only_stays_open_is_shown_for_as_long_as_it_does()
    {
        _client.Opened(Direction.Outbound, Client, Ledger, ChannelSecurity.Mtls, received: 1, sent: 1);
        PushBoth();
        for (var i = 0; i < 20; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(5));
            PushBoth();
        }
        _window.Report().Connections.ShouldHaveSingleItem().Numbers.ShouldBe(new ConnectionNumbers(0, 1, 0, 0, 0, 1));

        _client.Ended(Direction.Outbound, Client, Ledger, ChannelSecurity.Mtls, Fault.None);
        _time.Advance(TimeSpan.FromSeconds(5));
        PushBoth();
        _window.Report().Connections.ShouldHaveSingleItem().Numbers.Open.ShouldBe(0);
        _time.Advance(TimeSpan.FromSeconds(30));
        _window.Report().Connections.ShouldBeEmpty();
    }

    [Fact]
    public void A_proxy_that_begins_again_counts_from_nothing_and_an_old_one_that_is_new_here_tells_only_what_is_open()
    {
        for (var i = 0; i < 50; i++) _client.Opened(Direction.Outbound, Client, Ledger, ChannelSecurity.Mtls, received: 1_000_000, sent: 0);
        _time.Advance(TimeSpan.FromHours(1));
        _window.Add(_client.Push());
        _window.Report().Connections.Single().Numbers.ShouldBe(new ConnectionNumbers(0, 50, 0, 0, 0, 1));

        var again = new TellingProxy(_time, "client-1.default");
        again.Opened(Direction.Outbound, Client, Ledger, ChannelSecurity.Mtls, received: 100, sent: 0);
        _time.Advance(TimeSpan.FromSeconds(10));
        _window.Add(again.Push());
        _window.Report().Connections.Single().Numbers.ShouldBe(new ConnectionNumbers(0.1, 1, 0, 10, 0, 1));
    }

    private void PushBoth()
    {
        _window.Add(_client.Push());
        _window.Add(_ledger.Push());
    }
}
