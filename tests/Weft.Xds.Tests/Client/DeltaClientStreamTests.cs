using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Shouldly;
using Weft.TestSupport;
using Weft.Xds.Tests.Harness;
using Xunit;

namespace Weft.Xds.Tests.Client;

public sealed class DeltaClientStreamTests
{
    private readonly ManualTime _time = new();
    private readonly DeltaClientStream _client;
    private int _nonce;

    public DeltaClientStreamTests() => _client = new DeltaClientStream(new Node { Id = "me" }, _time);

    [Fact]
    public void Nothing_is_sent_while_no_stream_is_open()
    {
        _client.Subscribe(XdsType.Cluster, "a");
        _client.TakeRequests().ShouldBeEmpty();
    }

    [Fact]
    public void First_requests_go_in_push_order_and_only_the_first_carries_the_node()
    {
        _client.Subscribe(XdsType.Route, "r");
        _client.SubscribeAll(XdsType.Listener);
        _client.Subscribe(XdsType.Cluster, "b", "a");
        _client.OnStreamOpened();
        var requests = _client.TakeRequests();
        requests.Select(Describe).ShouldBe(["CDS +a +b", "LDS +*", "RDS +r"]);
        requests.Select(r => r.Node?.Id).ShouldBe(["me", null, null]);
        _client.TakeRequests().ShouldBeEmpty();
    }

    [Fact]
    public void Node_goes_with_whatever_is_sent_first()
    {
        _client.OnStreamOpened();
        _client.TakeRequests().ShouldBeEmpty();
        _client.Subscribe(XdsType.Secret, "ROOTCA");
        _client.TakeRequests().ShouldHaveSingleItem().Node.Id.ShouldBe("me");
    }

    [Fact]
    public void Changes_of_one_turn_go_in_one_request_per_type()
    {
        Open("CDS +a");
        _client.Subscribe(XdsType.Cluster, "b");
        _client.Unsubscribe(XdsType.Cluster, "a");
        _client.Subscribe(XdsType.Cluster, "c");
        Requests().ShouldBe(["CDS +b +c -a"]);
    }

    [Fact]
    public void Name_that_is_wanted_and_given_up_in_one_turn_is_not_mentioned()
    {
        Open("CDS +a");
        _client.Subscribe(XdsType.Cluster, "b");
        _client.Unsubscribe(XdsType.Cluster, "b");
        Requests().ShouldBeEmpty();
    }

    [Fact]
    public void Name_that_is_given_up_and_wanted_again_is_asked_for_again()
    {
        Open("CDS +a");
        _client.Ack(Receive("CDS +a=1"));
        _client.Unsubscribe(XdsType.Cluster, "a");
        _client.Subscribe(XdsType.Cluster, "a");
        Requests().ShouldBe(["CDS +a", "CDS ack 1"]);
        _client.HeldVersion(XdsType.Cluster, "a").ShouldBeNull();
    }

    [Fact]
    public void Update_gives_the_bodies_undecoded()
    {
        Open("CDS +a +b");
        var update = Receive("CDS +a=one -b");
        update.Type.ShouldBe(XdsType.Cluster);
        update.Nonce.ShouldBe("1");
        update.Added.ShouldHaveSingleItem().ShouldBe(TestSnapshot.Resource("a", "one") with { Aliases = update.Added[0].Aliases });
        update.Removed.ShouldBe(["b"]);
    }

    [Fact]
    public void Aliases_come_along()
    {
        Open("CDS +a");
        var response = Parse("CDS +a=1");
        response.Resources[0].Aliases.Add("other");
        _client.OnResponse(response)!.Added[0].Aliases.ShouldBe(["other"]);
    }

    [Fact]
    public void Acknowledgement_may_come_late_and_follows_the_subscriptions_that_it_led_to()
    {
        Open("RDS +r");
        var update = Receive("RDS +r=c");
        Requests().ShouldBeEmpty();
        _client.HeldVersion(XdsType.Route, "r").ShouldBeNull();
        _client.Ack(update);
        _client.Subscribe(XdsType.Cluster, "c");
        Requests().ShouldBe(["CDS +c", "RDS ack 1"]);
        _client.HeldVersion(XdsType.Route, "r").ShouldBe(TestSnapshot.Version("c"));
    }

    [Fact]
    public void Refusal_names_the_refused_and_holds_the_rest()
    {
        Open("CDS +a +b +c");
        _client.Ack(Receive("CDS +a=1"));
        Requests();
        _client.Nack(Receive("CDS +a=2 +b=2 +c=2"), new XdsRefusal("a", "type: not\nsupported"), new XdsRefusal("c", "bad"));
        var request = _client.TakeRequests().ShouldHaveSingleItem();
        request.ResponseNonce.ShouldBe("2");
        request.ErrorDetail.Message.ShouldBe("a: type: not supported\nc: bad");
        request.ErrorDetail.Code.ShouldBe(3);
        Held(XdsType.Cluster).ShouldBe(["a=1", "b=2"]);
    }

    [Fact]
    public void Long_reasons_are_cut_and_every_name_stays()
    {
        Open("CDS +*");
        var names = Enumerable.Range(0, 50).Select(i => $"name-{i}").ToArray();
        var update = Receive("CDS " + string.Join(' ', names.Select(n => $"+{n}=1")));
        _client.Nack(update, [.. names.Select(n => new XdsRefusal(n, new string('x', 10_000)))]);
        var message = _client.TakeRequests()[0].ErrorDetail.Message;
        message.Length.ShouldBeLessThan(20_000);
        foreach (var name in names) message.ShouldContain(name + ": ");
    }

    [Fact]
    public void New_stream_is_told_what_is_held()
    {
        Open("CDS +a +b +x", "LDS +*");
        _client.Ack(Receive("CDS +a=1 +b=1 -x"));
        _client.Ack(Receive("LDS +l=1"));
        _client.Ack(Receive("CDS +b=2"));
        _client.OnStreamClosed();
        _client.TakeRequests().ShouldBeEmpty();
        _client.OnStreamOpened();
        Requests().ShouldBe(["CDS +a +b +x ~a=1 ~b=2", "LDS +* ~l=1"]);
    }

    [Fact]
    public void Update_may_be_finished_after_its_stream_broke()
    {
        Open("RDS +r");
        var update = Receive("RDS +r=1");
        _client.OnStreamClosed();
        _client.Ack(update);
        _client.OnStreamOpened();
        Requests().ShouldBe(["RDS +r ~r=1"]);
    }

    [Fact]
    public void New_stream_is_asked_again_for_what_is_not_finished()
    {
        // "r" may be in use as "c" or as "1" already. A server that has "c" again must not think that all is well.
        Open("RDS +r +s +t");
        _client.Ack(Receive("RDS +r=c +s=1 +t=1"));
        var update = Receive("RDS +r=1 -t");
        _client.OnStreamClosed();
        _client.OnStreamOpened();
        Requests().ShouldBe(["RDS +r +s +t ~r=unfinished ~s=1 ~t=unfinished"]);
        _client.Ack(Receive("RDS +r=2 -t"));
        _client.Ack(update);
        Requests().ShouldBe(["RDS ack 3"]);
        Held(XdsType.Route).ShouldBe(["r=2", "s=1"]);
    }

    [Fact]
    public void Refused_resource_is_told_to_a_new_stream_as_what_it_was_before()
    {
        Open("RDS +r +s");
        _client.Ack(Receive("RDS +r=1"));
        _client.Nack(Receive("RDS +r=2 +s=1"), new XdsRefusal("r", "no"), new XdsRefusal("s", "no"));
        _client.OnStreamClosed();
        _client.OnStreamOpened();
        Requests().ShouldBe(["RDS +r +s ~r=1"]);
    }

    [Fact]
    public void Late_answer_does_not_put_an_older_version_over_a_newer()
    {
        Open("RDS +r");
        var older = Receive("RDS +r=1");
        _client.Ack(Receive("RDS +r=2"));
        _client.Ack(older);
        Held(XdsType.Route).ShouldBe(["r=2"]);
    }

    [Fact]
    public void Removed_and_given_up_resources_are_not_held()
    {
        Open("CDS +a +b");
        _client.Ack(Receive("CDS +a=1 +b=1"));
        _client.Ack(Receive("CDS -a"));
        Held(XdsType.Cluster).ShouldBe(["b=1"]);
        _client.Unsubscribe(XdsType.Cluster, "b");
        Held(XdsType.Cluster).ShouldBeEmpty();
    }

    [Fact]
    public void Wildcard_given_up_keeps_what_is_named()
    {
        Open("LDS +* +a");
        _client.Ack(Receive("LDS +a=1 +b=1"));
        _client.Unsubscribe(XdsType.Listener, "*");
        Held(XdsType.Listener).ShouldBe(["a=1"]);
    }

    [Fact]
    public void Answer_to_a_name_that_was_given_up_meanwhile_is_left_out()
    {
        Open("CDS +a +b");
        _client.Unsubscribe(XdsType.Cluster, "a");
        var update = Receive("CDS +a=1 +b=1 -c");
        update.Added.Select(a => a.Name).ShouldBe(["b"]);
        update.Removed.ShouldBeEmpty();
        _client.Ack(update);
        Requests().ShouldBe(["CDS -a", "CDS ack 1"]);
    }

    [Fact]
    public void Response_of_a_type_that_is_not_spoken_is_refused()
    {
        Open("CDS +a");
        _client.OnResponse(new DeltaDiscoveryResponse { TypeUrl = "type.googleapis.com/x.Y", Nonce = "9" }).ShouldBeNull();
        var request = _client.TakeRequests().ShouldHaveSingleItem();
        (request.TypeUrl, request.ResponseNonce).ShouldBe(("type.googleapis.com/x.Y", "9"));
        request.ErrorDetail.ShouldNotBeNull();
    }

    [Fact]
    public void Malformed_resources_are_refused_by_name_whatever_the_caller_says()
    {
        Open("CDS +*");
        var response = Parse("CDS +good=1 +twice=1 +twice=2 +other=1 +bare=1 +unversioned=1");
        response.Resources.Single(r => r.Name == "other").Resource_.TypeUrl = XdsType.Route.TypeUrl();
        response.Resources.Single(r => r.Name == "bare").Resource_ = null;
        response.Resources.Single(r => r.Name == "unversioned").Version = "";
        var update = _client.OnResponse(response)!;
        update.Added.Select(a => a.Name).ShouldBe(["good"]);
        update.Malformed.Select(m => m.Name).ShouldBe(["twice", "other", "bare", "unversioned"]);
        _client.Ack(update);
        _client.TakeRequests()[0].ErrorDetail.Message.ShouldContain("twice: twice in one response");
        Held(XdsType.Cluster).ShouldBe(["good=1"]);
    }

    [Fact]
    public void Update_is_finished_once()
    {
        Open("CDS +a");
        var update = Receive("CDS +a=1");
        _client.Ack(update);
        Should.Throw<InvalidOperationException>(() => _client.Ack(update));
        Should.Throw<ArgumentException>(() => _client.Nack(Receive("CDS +a=2"), []));
    }

    [Fact]
    public void Name_without_an_answer_does_not_exist_after_fifteen_seconds()
    {
        Open("CDS +a +b", "LDS +*");
        _client.NextDeadline.ShouldBe(_time.GetUtcNow() + TimeSpan.FromSeconds(15));
        Receive("CDS +a=1");
        _time.Advance(TimeSpan.FromSeconds(15) - TimeSpan.FromTicks(1));
        _client.TakeUnanswered().ShouldBeEmpty();
        _time.Advance(TimeSpan.FromTicks(1));
        _client.TakeUnanswered().ShouldBe([new XdsUnanswered(XdsType.Cluster, "b")]);
        _client.TakeUnanswered().ShouldBeEmpty();
        _client.NextDeadline.ShouldBeNull();
        Receive("CDS +b=1").Added.ShouldHaveSingleItem();
    }

    [Fact]
    public void Clock_of_an_unanswered_name_starts_again_on_a_new_stream_and_stands_still_without_one()
    {
        Open("CDS +a");
        _time.Advance(TimeSpan.FromSeconds(14));
        _client.OnStreamClosed();
        _time.Advance(TimeSpan.FromHours(1));
        _client.TakeUnanswered().ShouldBeEmpty();
        _client.OnStreamOpened();
        _client.TakeRequests();
        _time.Advance(TimeSpan.FromSeconds(14));
        _client.TakeUnanswered().ShouldBeEmpty();
        _time.Advance(TimeSpan.FromSeconds(1));
        _client.TakeUnanswered().Count.ShouldBe(1);
    }

    [Fact]
    public void Held_resource_is_not_waited_for_on_a_new_stream()
    {
        Open("CDS +a");
        _client.Ack(Receive("CDS +a=1"));
        _client.OnStreamClosed();
        _client.OnStreamOpened();
        _client.TakeRequests();
        _client.NextDeadline.ShouldBeNull();
    }

    private void Open(params string[] subscriptions)
    {
        foreach (var subscription in subscriptions)
        {
            var request = ServerHarness.Parse(subscription);
            _client.Subscribe(XdsTypes.All.Single(t => t.TypeUrl() == request.TypeUrl), request.ResourceNamesSubscribe);
        }
        _client.OnStreamOpened();
        _client.TakeRequests();
    }

    private DeltaUpdate Receive(string words) => _client.OnResponse(Parse(words)).ShouldNotBeNull();

    private DeltaDiscoveryResponse Parse(string words)
    {
        var type = XdsTypes.All.Single(t => t.Service() == words[..3]);
        var response = new DeltaDiscoveryResponse { TypeUrl = type.TypeUrl(), Nonce = $"{++_nonce}" };
        foreach (var word in words[3..].Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (word[0] == '-')
            {
                response.RemovedResources.Add(word[1..]);
                continue;
            }
            var (name, content) = (word[1..].Split('=')[0], word[1..].Split('=')[1]);
            response.Resources.Add(new Resource
            {
                Name = name, Version = TestSnapshot.Version(content), Resource_ = new Any { TypeUrl = type.TypeUrl(), Value = ByteString.CopyFromUtf8(content) },
            });
        }
        return response;
    }

    private IEnumerable<string> Requests() => _client.TakeRequests().Select(Describe);

    private IEnumerable<string> Held(XdsType type) => _client.Held(type).Select(Word).Order(StringComparer.Ordinal);

    private static string Describe(DeltaDiscoveryRequest request) => string.Join(' ',
    [
        XdsTypes.All.Single(t => t.TypeUrl() == request.TypeUrl).Service(),
        .. request.ResourceNamesSubscribe.Select(n => "+" + n),
        .. request.ResourceNamesUnsubscribe.Select(n => "-" + n),
        .. request.InitialResourceVersions.Select(Word).Order(StringComparer.Ordinal).Select(w => "~" + w),
        .. request.ResponseNonce.Length > 0 ? [(request.ErrorDetail is null ? "ack " : "nack ") + request.ResponseNonce] : Array.Empty<string>(),
    ]);

    /// <summary>A name and a version, as name and content: the contents of these tests are few.</summary>
    private static string Word(KeyValuePair<string, string> held) =>
        held.Key + "=" + (new[] { "1", "2", "c" }.SingleOrDefault(content => TestSnapshot.Version(content) == held.Value) ?? held.Value);
}
