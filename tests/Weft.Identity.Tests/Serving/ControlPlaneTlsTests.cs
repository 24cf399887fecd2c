using Shouldly;
using Weft.Identity.Tests.Support;
using Xunit;

namespace Weft.Identity.Tests.Serving;

/// <summary>The control plane's listener as openssl's client sees it.</summary>
public sealed class ControlPlaneTlsTests : IAsyncLifetime
{
    private readonly TemporaryDirectory _directory = new();
    private ControlPlaneHost _control = null!;

    public async ValueTask InitializeAsync()
    {
        _control = new ControlPlaneHost(_directory["ca"], TimeProvider.System);
        await _control.StartAsync();
    }

    [Theory]
    [InlineData("-tls1_2")]
    [InlineData("-tls1_3")]
    public void Server_verifies_by_root_and_host_name(string version)
    {
        var output = Connect(version, "-verify_return_error", "-verify_hostname", "localhost");
        output.ShouldContain("Verify return code: 0 (ok)");
        output.ShouldContain("ALPN protocol: h2");
    }

    [Theory]
    [InlineData("-tls1")]
    [InlineData("-tls1_1")]
    public void Old_protocols_are_refused(string version) =>
        OpenSsl.Run(Arguments(version, "-cipher", "ALL@SECLEVEL=0")).Output.ShouldContain("Cipher is (NONE)");

    [Fact]
    public void Session_is_never_resumed()
    {
        var output = Connect("-tls1_2", "-reconnect");
        output.Split("New, TLS").Length.ShouldBeGreaterThan(5);
        output.ShouldNotContain("Reused, TLS");
    }

    [Fact]
    public async Task Clients_that_show_what_authenticates_nobody_are_refused_with_the_reason()
    {
        Connect("-tls1_3", "-cert", _directory["ca/issuer.pem"], "-key", _directory["ca/issuer-key.pem"]);
        await Refused(SvidFailure.UriCount, SvidFailure.IsAuthority);

        OpenSsl.Must("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", _directory["k"], "-out", _directory["c"], "-subj", "/CN=x",
            "-addext", $"subjectAltName=URI:{Requests.Web}", "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "keyUsage=critical,digitalSignature");
        Connect("-tls1_3", "-cert", _directory["c"], "-key", _directory["k"]);
        await Refused(SvidFailure.Untrusted);
    }

    [Fact]
    public async Task Join_and_call_work_at_real_time()
    {
        await using var agent = IdentityAgent.Start(new IdentityAgentOptions
        {
            ControlAddress = _control.Address, KeysDirectory = _directory["keys"], JoinTokenFile = await _control.TokenFileAsync(_directory), Random = new Random(1),
        });
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        (await agent.WaitAsync(limit.Token)).SpiffeId.ShouldBe(Requests.Web);
        var output = Connect("-tls1_3", "-cert", _directory["keys/chain.pem"], "-cert_chain", _directory["keys/chain.pem"], "-key", _directory["keys/key.pem"]);
        output.ShouldContain("Verify return code: 0 (ok)");
        _control.Refused.ShouldBeEmpty();
    }

    private async Task Refused(params SvidFailure[] any)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!_control.Refused.Intersect(any).Any()) await Task.Delay(5, limit.Token);
        _control.Refused.Clear();
    }

    private string Connect(params string[] arguments) => OpenSsl.Run(Arguments(arguments)).Output;

    private string[] Arguments(params string[] more) =>
        ["s_client", "-connect", _control.Address, "-servername", "localhost", "-alpn", "h2", "-CAfile", _directory["ca/root.pem"], .. more];

    public async ValueTask DisposeAsync()
    {
        await _control.DisposeAsync();
        _directory.Dispose();
    }
}
