using Shouldly;
using Weft.Control.Model;
using Weft.Control.Serving;
using Weft.TestSupport;
using Xunit;

namespace Weft.Control.Tests.Serving;

public sealed class VerdictBoardTests
{
    private static readonly ServicePortKey Web = new("web", "default", 7000);

    private readonly ManualTime _time = new();
    private readonly VerdictBoard _board;

    public VerdictBoardTests() => _board = new VerdictBoard(_time);

    private bool IsTold => _board.HttpPorts.Value.Contains(Web);

    [Fact]
    public void Http_is_told_until_nobody_has_confirmed_it_for_an_hour()
    {
        Report(http: true);
        IsTold.ShouldBeTrue();
        _time.Advance(TimeSpan.FromMinutes(59));
        Report(http: true);
        _time.Advance(TimeSpan.FromMinutes(59));
        _board.Report([]);
        IsTold.ShouldBeTrue();
        _time.Advance(TimeSpan.FromMinutes(2));
        _board.Report([]);
        IsTold.ShouldBeFalse();
    }

    [Fact]
    public void Repeating_what_is_known_changes_nothing_for_anybody()
    {
        Report(http: true);
        var told = _board.HttpPorts.Value;
        for (var i = 0; i < 1000; i++) Report(http: true);
        _board.HttpPorts.Value.ShouldBeSameAs(told);
    }

    [Fact]
    public void A_server_that_speaks_first_is_never_told_and_outranks_whoever_says_http()
    {
        Report(http: false);
        Report(http: true);
        IsTold.ShouldBeFalse();
        var told = _board.HttpPorts.Value;
        for (var i = 0; i < 100; i++) // one that lies, beside one that knows
        {
            _time.Advance(TimeSpan.FromSeconds(5));
            Report(http: true);
            Report(http: false);
        }
        _board.HttpPorts.Value.ShouldBeSameAs(told);
    }

    [Fact]
    public void A_contradiction_withdraws_it_and_holds_for_ten_minutes()
    {
        Report(http: true);
        Report(http: false);
        IsTold.ShouldBeFalse();
        _time.Advance(TimeSpan.FromMinutes(9));
        Report(http: true);
        IsTold.ShouldBeFalse();
        _time.Advance(TimeSpan.FromMinutes(2));
        Report(http: true);
        IsTold.ShouldBeTrue();
    }

    [Fact]
    public void There_is_room_for_so_many_ports_and_the_rest_learn_by_themselves()
    {
        _board.Report(Enumerable.Range(0, VerdictBoard.MaxPorts + 5).Select(i => (new ServicePortKey($"s{i}", "default", 80), true)));
        _board.HttpPorts.Value.Count.ShouldBe(VerdictBoard.MaxPorts);
        _time.Advance(TimeSpan.FromHours(2));
        _board.Report([]);
        Report(http: true);
        _board.HttpPorts.Value.ShouldBe([Web]);
    }

    private void Report(bool http) => _board.Report([(Web, http)]);
}
