using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;
using Istio.V1.Auth;
using Shouldly;
using Weft.Grpc;
using Weft.Identity.Tests.Support;
using Weft.TestSupport;
using Xunit;

namespace Weft.Identity.Tests.Serving;

public sealed class CertificateServiceTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly ManualTime _time = new();
    private readonly CertificateAuthority _authority;
    private readonly JoinTokenBook _book;
    private RevocationSet _revocations = RevocationSet.Empty;

    public CertificateServiceTests()
    {
        _authority = CertificateAuthority.OpenOrCreate(_directory.Path, Requests.Domain, new CertificateAuthorityOptions(), _time);
        _book = new JoinTokenBook(new MemoryJoinTokenStore(), JoinTokenBook.DefaultLifetime, _time);
    }

    [Fact]
    public async Task Token_buys_the_identity_it_was_issued_for()
    {
        var response = await Ask(await Token(), Request());
        IdOf(response).ShouldBe(Requests.Web);
        response.CertChain.Count.ShouldBe(3);
    }

    [Fact]
    public async Task Second_use_of_a_token_is_unauthenticated()
    {
        var token = await Token();
        await Ask(token, Request());
        (await Refusal(token, Request())).ShouldBe((GrpcStatusCode.Unauthenticated, "the join token is unknown or was used already: issue a new one"));
    }

    [Fact]
    public async Task Bad_request_does_not_use_the_token_up()
    {
        var token = await Token();
        (await Refusal(token, new IstioCertificateRequest { Csr = "rubbish" })).Code.ShouldBe(GrpcStatusCode.InvalidArgument);
        (await Refusal(token, Request(uri: "spiffe://weft.local/ns/default/sa/bank"))).Code.ShouldBe(GrpcStatusCode.PermissionDenied);
        IdOf(await Ask(token, Request())).ShouldBe(Requests.Web);
    }

    [Fact]
    public async Task Expired_token_is_unauthenticated_and_says_so()
    {
        var token = await Token();
        _time.Advance(JoinTokenBook.DefaultLifetime);
        var (code, message) = await Refusal(token, Request());
        code.ShouldBe(GrpcStatusCode.Unauthenticated);
        message.ShouldContain("expired");
    }

    [Theory]
    [InlineData(null)]
    [InlineData("Basic YTpi")]
    [InlineData("Bearer eyJhbGciOiJub25lIn0")]
    [InlineData("Bearer weft-join.AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public async Task Nothing_good_shown_is_unauthenticated(string? authorization) =>
        (await Refusal(new CertificateCaller(authorization, null), Request())).Code.ShouldBe(GrpcStatusCode.Unauthenticated);

    [Fact]
    public async Task Certificate_renews_itself_and_asks_for_the_life_it_wants()
    {
        var response = await Ask(Client(Requests.Web), Request(seconds: 60, uri: Requests.Web.Text));
        IdOf(response).ShouldBe(Requests.Web);
        using var leaf = X509Certificate2.CreateFromPem(response.CertChain[0]);
        leaf.NotAfter.ToUniversalTime().ShouldBe((_time.GetUtcNow() + TimeSpan.FromSeconds(60)).UtcDateTime);
        leaf.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single().EnumerateDnsNames().ShouldBeEmpty("names of the request are never copied");
    }

    [Fact]
    public async Task Expired_certificate_renews_itself_for_thirty_days()
    {
        var slept = Client(Requests.Web);
        _time.Advance(TimeSpan.FromHours(1) + TimeSpan.FromDays(30) - TimeSpan.FromTicks(1));
        IdOf(await Ask(slept, Request())).ShouldBe(Requests.Web);
        _time.Advance(TimeSpan.FromTicks(1));
        var (code, message) = await Refusal(slept, Request());
        code.ShouldBe(GrpcStatusCode.Unauthenticated);
        message.ShouldContain("join again");
    }

    [Fact]
    public async Task Another_name_in_the_request_is_denied()
    {
        var (code, message) = await Refusal(Client(Requests.Web), Request(uri: "spiffe://weft.local/ns/default/sa/bank"));
        code.ShouldBe(GrpcStatusCode.PermissionDenied);
        message.ShouldContain("sa/bank");
    }

    [Theory]
    [InlineData("spiffe://weft.local/weft/control")]
    [InlineData("spiffe://other.example/ns/default/sa/web")]
    [InlineData("spiffe://weft.local/something/else")]
    public async Task Identity_that_is_no_service_account_of_this_domain_is_denied(string id) =>
        (await Refusal(Client(SpiffeId.Parse(id)), Request())).Code.ShouldBe(GrpcStatusCode.PermissionDenied);

    [Fact]
    public async Task Revoked_serial_and_revoked_identity_are_denied()
    {
        _revocations = new RevocationSet(ImmutableHashSet.Create("0A"), []);
        (await Refusal(Client(Requests.Web, "0A"), Request())).Code.ShouldBe(GrpcStatusCode.PermissionDenied);
        IdOf(await Ask(Client(Requests.Web, "0B"), Request())).ShouldBe(Requests.Web);

        _revocations = new RevocationSet([], ImmutableHashSet.Create(Requests.Web));
        (await Refusal(Client(Requests.Web, "0B"), Request())).Code.ShouldBe(GrpcStatusCode.PermissionDenied);
        (await Refusal(await Token(), Request())).Code.ShouldBe(GrpcStatusCode.PermissionDenied);
    }

    [Fact]
    public async Task Negative_life_is_an_invalid_argument() =>
        (await Refusal(Client(Requests.Web), Request(seconds: -1))).Code.ShouldBe(GrpcStatusCode.InvalidArgument);

    [Fact]
    public async Task Endless_life_is_cut_to_the_maximum()
    {
        using var leaf = X509Certificate2.CreateFromPem((await Ask(Client(Requests.Web), Request(seconds: long.MaxValue))).CertChain[0]);
        leaf.NotAfter.ToUniversalTime().ShouldBe((_time.GetUtcNow() + TimeSpan.FromHours(24)).UtcDateTime);
    }

    private async Task<CertificateCaller> Token()
    {
        var (token, _) = await _book.IssueAsync(Requests.Domain, _authority.RootPin, "default", "web", default);
        return new CertificateCaller($"Bearer {token.Text}", null);
    }

    private CertificateCaller Client(SpiffeId id, string serial = "01") =>
        new(null, new ClientIdentity(id, serial, _time.GetUtcNow() + TimeSpan.FromHours(1)));

    private static IstioCertificateRequest Request(long seconds = 0, string? uri = null) => new() { Csr = Requests.Pem(uri: uri), ValidityDuration = seconds };

    private Task<IstioCertificateResponse> Ask(CertificateCaller caller, IstioCertificateRequest request) =>
        new CertificateService(_authority, _book, () => _revocations, new CertificateServiceOptions(), _time).CreateAsync(caller, request, default);

    private async Task<(GrpcStatusCode Code, string Message)> Refusal(CertificateCaller caller, IstioCertificateRequest request)
    {
        var status = (await Should.ThrowAsync<GrpcException>(() => Ask(caller, request))).Status;
        return (status.Code, status.Message);
    }

    private static SpiffeId IdOf(IstioCertificateResponse response)
    {
        using var leaf = X509Certificate2.CreateFromPem(response.CertChain[0]);
        X509Svid.TryRead(leaf, out var id, out var failure).ShouldBeTrue(failure.ToString());
        return id!;
    }

    public void Dispose()
    {
        _authority.Dispose();
        _directory.Dispose();
    }
}
