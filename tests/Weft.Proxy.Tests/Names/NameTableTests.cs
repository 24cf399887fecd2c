using System.Net;
using System.Text;
using Shouldly;
using Weft.Proxy.Configuration;
using Weft.Proxy.Names;
using Weft.Proxy.Tests.Configuration;
using Weft.Xds;
using Xunit;

namespace Weft.Proxy.Tests.Names;

/// <summary>Names from the management server to whoever asks, by name and by address.</summary>
public sealed class NameTableTests
{
    private static readonly IPAddress Catalog = IPAddress.Parse("240.240.3.7");

    private readonly ManagementServer _server = new();
    private readonly NameTable _names;
    private long _nowMs;

    public NameTableTests()
    {
        _server.Store.WantName = _server.Assembler.WantName;
        _names = new NameTable(_server.Store, () => _nowMs, e => throw new InvalidOperationException("a waiter failed", e));
        _server.Store.Published += c => _names.OnPublished(c);
    }

    private static (XdsType, string, Google.Protobuf.IMessage) Name(string name, string service, bool headless = false, params string[] addresses) =>
        (XdsType.Name, name, new Weft.V1.Name { Service = service.Split('.')[0], Namespace = service.Split('.')[1], Headless = headless, Addresses = { addresses } });

    private sealed class Waiter : INameWaiter
    {
        public List<NameAnswer> Heard { get; } = [];

        public void OnName(in NameAnswer answer) => Heard.Add(answer);
    }

    [Fact]
    public void A_name_that_nobody_asked_for_is_asked_for_and_then_known()
    {
        var waiter = new Waiter();
        _server.With(Name("catalog.shop", "catalog.shop", false, "240.240.3.7"), Name("orders.shop", "orders.shop", false, "240.240.3.8")).Push();
        _server.Config.Names.Count.ShouldBe(0, "on demand alone");

        _names.Find("catalog.shop"u8, waiter).Status.ShouldBe(NameStatus.Asked);
        waiter.Heard.ShouldBeEmpty();
        _server.Push();

        waiter.Heard.ShouldBe([new NameAnswer(NameStatus.Service, "catalog", "shop")]);
        _names.Entry("catalog.shop"u8)!.Service!.Addresses.ShouldBe([Catalog]);
        _names.Entry("orders.shop"u8).ShouldBeNull();
        _server.Server.SyncedRevision.ShouldBe(2);
    }

    [Fact]
    public void Who_resolved_a_name_need_not_wait_for_its_address()
    {
        _server.With(Name("catalog.shop", "catalog.shop", false, "240.240.3.7", "fd77:6566:7400::3:7")).Push();
        _names.Find("catalog.shop"u8, new Waiter());
        _server.Push();

        _names.Find(Catalog, 80, new Waiter()).ShouldBe(new NameAnswer(NameStatus.Service, "catalog", "shop"));
        _names.Find(IPAddress.Parse("FD77:6566:7400:0::3:7"), 80, new Waiter()).ShouldBe(new NameAnswer(NameStatus.Service, "catalog", "shop"));
        _names.Waiting.ShouldBe(0);

        // The service moves: the old address is nobody's any more.
        _server.With(Name("catalog.shop", "catalog.shop", false, "240.240.3.9")).Push();
        _names.Find(IPAddress.Parse("240.240.3.9"), 80, new Waiter()).Status.ShouldBe(NameStatus.Service);
        _names.Find(Catalog, 80, new Waiter()).Status.ShouldBe(NameStatus.Asked);
    }

    [Fact]
    public void An_address_alone_is_asked_for_too_and_nobodys_is_outside()
    {
        var (known, unknown) = (new Waiter(), new Waiter());
        _server.With(Name("240.240.3.7", "catalog.shop", false, "240.240.3.7")).Push();

        _names.Find(Catalog, 80, known).Status.ShouldBe(NameStatus.Asked);
        _names.Find(IPAddress.Parse("93.184.216.34"), 443, unknown).Status.ShouldBe(NameStatus.Asked);
        _server.Push();

        known.Heard.ShouldBe([new NameAnswer(NameStatus.Service, "catalog", "shop")]);
        unknown.Heard.ShouldBe([new NameAnswer(NameStatus.Outside)]);
        _names.Find(IPAddress.Parse("93.184.216.34"), 443, unknown).Status.ShouldBe(NameStatus.Outside, "remembered");
    }

    [Fact]
    public void A_service_that_comes_into_being_and_goes_is_noticed()
    {
        _names.Find("catalog.shop"u8, new Waiter());
        _server.Push();
        _names.Find("catalog.shop"u8, new Waiter()).Status.ShouldBe(NameStatus.Outside);

        _server.With(Name("catalog.shop", "catalog.shop", false, "240.240.3.7")).Push();
        _names.Find("catalog.shop"u8, new Waiter()).Status.ShouldBe(NameStatus.Service);
        _names.Find(Catalog, 80, new Waiter()).Status.ShouldBe(NameStatus.Service);

        _server.Without(XdsType.Name, "catalog.shop").Push();
        _names.Find("catalog.shop"u8, new Waiter()).Status.ShouldBe(NameStatus.Outside);
        _names.Find(Catalog, 80, new Waiter()).Status.ShouldBe(NameStatus.Asked);
    }

    [Fact]
    public void Addresses_of_endpoints_are_no_services()
    {
        _server.With(Name("db.shop", "db.shop", headless: true, "10.0.0.5")).Push();
        _names.Find("db.shop"u8, new Waiter());
        _server.Push();

        _names.Entry("db.shop"u8)!.Service!.IsHeadless.ShouldBeTrue();
        _server.Config.Names.Find("10.0.0.5").ShouldBeNull();
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("0.0.0.0")]
    [InlineData("169.254.169.254")]
    [InlineData("224.0.0.251")]
    [InlineData("::1")]
    [InlineData("::")]
    [InlineData("fe80::1")]
    [InlineData("ff02::fb")]
    public void Addresses_that_cannot_be_a_services_are_not_asked_for(string address)
    {
        _names.Find(IPAddress.Parse(address), 80, new Waiter()).Status.ShouldBe(NameStatus.Outside);
        _server.Assembler.Wanted(XdsType.Name).ShouldBeEmpty();
    }

    [Fact]
    public void After_one_has_waited_in_vain_nobody_waits_until_the_control_plane_is_heard_again()
    {
        var (patient, next) = (new Waiter(), new Waiter());
        _names.Find("catalog.shop"u8, patient).Status.ShouldBe(NameStatus.Asked);
        _nowMs = 2000;
        _names.GiveUp(patient);
        _names.GiveUp(patient);

        _nowMs = 6999;
        _names.Find("orders.shop"u8, next).Status.ShouldBe(NameStatus.Outside);
        _server.Assembler.Wanted(XdsType.Name).ShouldContain("orders.shop", "asked for all the same");
        _names.Find(Catalog, 80, patient, mustWait: true).Status.ShouldBe(NameStatus.Asked, "an address that only a service can have");
        _names.GiveUp(patient);
        _nowMs = 6999 + 5000;
        _names.Find("orders.shop"u8, next).Status.ShouldBe(NameStatus.Asked);
        _names.GiveUp(next);

        _server.With(Name("catalog.shop", "catalog.shop", false, "240.240.3.7")).Push();
        patient.Heard.ShouldBeEmpty();
        _names.Find("payments.shop"u8, next).Status.ShouldBe(NameStatus.Asked);
    }

    [Fact]
    public void A_name_that_is_not_what_it_says_is_refused_and_the_one_before_stays()
    {
        _server.With(Name("catalog.shop", "catalog.shop", false, "240.240.3.7")).Push();
        _names.Find("catalog.shop"u8, new Waiter());
        _server.Push();
        _server.With(Name("catalog.shop", "orders.shop", false, "240.240.3.8")).Push();

        _names.Entry("catalog.shop"u8)!.Service!.Addresses.ShouldBe([Catalog]);
        _server.Assembler.Refused.ShouldBe(1);
    }

    [Fact]
    public void Names_that_exist_survive_a_restart_without_the_management_server()
    {
        _server.With(Name("catalog.shop", "catalog.shop", false, "240.240.3.7")).Push();
        _names.Find("catalog.shop"u8, new Waiter());
        _names.Find("nothing.shop"u8, new Waiter());
        _server.Push();

        var restarted = new ManagementServer(_server.Saved());

        restarted.Config.Names.Find("catalog.shop")!.Service!.Addresses.ShouldBe([Catalog]);
        restarted.Config.Names.Find("240.240.3.7")!.Service!.Key.ShouldBe("catalog.shop");
        restarted.Config.Names.Find("nothing.shop").ShouldBeNull();
        restarted.With(Name("catalog.shop", "catalog.shop", false, "240.240.3.9")).Push();
        restarted.Config.Names.Find("catalog.shop")!.Service!.Addresses[0].ToString().ShouldBe("240.240.3.9");
    }
}
