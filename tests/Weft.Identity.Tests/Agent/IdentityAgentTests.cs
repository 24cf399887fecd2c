using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Shouldly;
using Weft.Identity.Tests.Support;
using Xunit;

namespace Weft.Identity.Tests.Agent;

/// <summary>The agent against a real TLS server, in real files. Time is the test's where a test is about time.</summary>
public sealed class IdentityAgentTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly TemporaryDirectory _directory = new();
    private readonly SkewedTime _time = new();
    private readonly ConcurrentQueue<string> _warnings = [];
    private ControlPlaneHost _control = null!;

    public async ValueTask InitializeAsync()
    {
        _control = new ControlPlaneHost(_directory["ca"], _time);
        await _control.StartAsync();
    }

    [Fact]
    public async Task First_start_joins_and_saves_what_openssl_accepts()
    {
        var material = await JoinAsync();
        material.SpiffeId.ShouldBe(Requests.Web);
        foreach (var file in new[] { "key.pem", "chain.pem", "roots.pem" })
            File.GetUnixFileMode(Key(file)).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        OpenSsl.Must("verify", "-attime", $"{_time.GetUtcNow().ToUnixTimeSeconds()}", "-CAfile", Key("roots.pem"), "-untrusted", Key("chain.pem"), Key("chain.pem")).ShouldContain("OK");
        OpenSsl.Must("pkey", "-in", Key("key.pem"), "-pubout").ShouldBe(OpenSsl.Must("x509", "-in", Key("chain.pem"), "-noout", "-pubkey"));
    }

    [Fact]
    public async Task Private_key_never_travels()
    {
        await JoinAsync();
        var key = File.ReadAllText(Key("key.pem"));
        _control.LastCsr.ShouldContain("BEGIN CERTIFICATE REQUEST");
        _control.LastCsr.ShouldNotContain("PRIVATE KEY");
        _control.LastCsr.ShouldNotContain(key.Split('\n')[1]);
    }

    [Fact]
    public async Task Control_plane_without_the_pinned_root_gets_no_token()
    {
        using var other = new TemporaryDirectory();
        await using var impostor = new ControlPlaneHost(other["ca"], _time);
        await impostor.StartAsync();
        await using var agent = IdentityAgent.Start(Options(await _control.TokenFileAsync(_directory)) with { ControlAddress = impostor.Address });
        (await Should.ThrowAsync<IdentityException>(() => First(agent))).Message.ShouldContain("join token pins");
        impostor.Calls.ShouldBe(0);
    }

    [Fact]
    public void Workload_certificate_cannot_play_the_control_plane()
    {
        // Good certificate, right root, wrong role: the handshake itself must fail.
        var issued = _control.Authority.Issue(Requests.Web, Requests.Parsed(), null);
        using var leaf = X509Certificate2.CreateFromPem(issued.ChainPem[0]);
        using var issuer = X509Certificate2.CreateFromPem(issued.ChainPem[1]);
        SvidFailure? seen = null;
        var options = new ControlTrust.Pinned(_control.Authority.Bundle.Roots[0]).ForConnection("localhost", new ControlVerifier(_time), failure => seen = failure);
        using var chain = new X509Chain();
        chain.ChainPolicy.ExtraStore.Add(issuer);
        options.RemoteCertificateValidationCallback!(this, leaf, chain, default).ShouldBeFalse();
        seen.ShouldBe(SvidFailure.UnexpectedIdentity);
    }

    [Fact]
    public async Task Used_token_is_refused_with_what_to_do()
    {
        var file = await _control.TokenFileAsync(_directory);
        await using (var first = IdentityAgent.Start(Options(file))) await First(first);
        await using var second = IdentityAgent.Start(Options(file) with { KeysDirectory = _directory["keys2"] });
        (await Should.ThrowAsync<IdentityException>(() => First(second))).Message.ShouldContain("used already: issue a new one");
    }

    [Fact]
    public async Task Expired_token_is_refused()
    {
        var file = await _control.TokenFileAsync(_directory);
        _time.Advance(JoinTokenBook.DefaultLifetime);
        await using var agent = IdentityAgent.Start(Options(file));
        (await Should.ThrowAsync<IdentityException>(() => First(agent))).Message.ShouldContain("expired");
    }

    [Fact]
    public void Neither_certificate_nor_token_is_refused_at_once() =>
        Should.Throw<IdentityException>(() => IdentityAgent.Start(Options(null))).Message.ShouldContain("issue a token");

    [Fact]
    public async Task Saved_certificate_serves_while_the_control_plane_is_away()
    {
        var joined = await JoinAsync();
        await _control.StopAsync();
        await using var agent = IdentityAgent.Start(Options(null));
        agent.Current!.SerialNumber.ShouldBe(joined.SerialNumber);
        (await agent.WaitAsync(default)).SerialNumber.ShouldBe(joined.SerialNumber);
    }

    [Fact]
    public async Task First_join_waits_for_a_control_plane_that_is_away()
    {
        var file = await _control.TokenFileAsync(_directory);
        await _control.StopAsync();
        await using var agent = IdentityAgent.Start(Options(file));
        await Until(() => agent.LastFailure is not null);
        agent.Current.ShouldBeNull();
        await _control.StartAsync();
        await AdvanceUntil(() => agent.Current is not null, TimeSpan.FromSeconds(1));
        agent.LastFailure.ShouldBeNull();
    }

    [Fact]
    public async Task Twenty_second_certificate_is_renewed_at_half_of_its_life_with_a_new_key()
    {
        var token = await _control.TokenFileAsync(_directory);
        await using var agent = IdentityAgent.Start(Options(token) with { RequestedLifetime = TimeSpan.FromSeconds(20) });
        var first = await First(agent);
        (first.NotAfter - _time.GetUtcNow()).ShouldBe(TimeSpan.FromSeconds(20));
        var key = File.ReadAllText(Key("key.pem"));
        CertificateMaterial? announced = null;
        agent.Changed += material => announced = material;

        _time.Advance(TimeSpan.FromSeconds(8.9));
        await Task.Delay(100);
        agent.Current!.SerialNumber.ShouldBe(first.SerialNumber, "45 % of life are 9 s");
        _time.Advance(TimeSpan.FromSeconds(2.2));
        await Until(() => announced is not null);
        agent.Current.ShouldBe(announced);
        announced!.SerialNumber.ShouldNotBe(first.SerialNumber);
        File.ReadAllText(Key("key.pem")).ShouldNotBe(key);
    }

    [Fact]
    public async Task Ten_generations_of_twenty_seconds_never_let_one_end()
    {
        var token = await _control.TokenFileAsync(_directory);
        await using var agent = IdentityAgent.Start(Options(token) with { RequestedLifetime = TimeSpan.FromSeconds(20) });
        await First(agent);
        for (var generation = 0; generation < 10; generation++)
        {
            var serial = agent.Current!.SerialNumber;
            _time.Advance(TimeSpan.FromSeconds(8.5)); // nothing is due before 9
            await AdvanceUntil(() => agent.Current!.SerialNumber != serial, TimeSpan.FromSeconds(0.5));
            agent.Current.NotAfter.ShouldBeGreaterThan(_time.GetUtcNow() + TimeSpan.FromSeconds(8));
        }
        _control.Calls.ShouldBe(11);
    }

    [Fact]
    public async Task Consumer_that_throws_does_not_end_renewal()
    {
        var token = await _control.TokenFileAsync(_directory);
        await using var agent = IdentityAgent.Start(Options(token) with { RequestedLifetime = TimeSpan.FromSeconds(20) });
        await First(agent);
        agent.Changed += _ => throw new InvalidOperationException("cannot load");
        await RenewOnce(agent);
        await Until(() => agent.LastFailure?.Contains("cannot load", StringComparison.Ordinal) == true);
        await RenewOnce(agent);
    }

    [Fact]
    public async Task Key_of_a_generation_stays_readable_until_its_successors_successor()
    {
        var token = await _control.TokenFileAsync(_directory);
        await using var agent = IdentityAgent.Start(Options(token) with { RequestedLifetime = TimeSpan.FromSeconds(20) });
        var first = await First(agent);
        await RenewOnce(agent);
        Encoding.ASCII.GetString(first.CopyKeyPem()).ShouldStartWith("-----BEGIN PRIVATE KEY-----");
        await RenewOnce(agent);
        await Until(() => Cleared(first));
    }

    [Fact]
    public async Task Wall_clock_that_jumps_neither_stops_renewal_nor_storms()
    {
        var token = await _control.TokenFileAsync(_directory);
        // The authority keeps the true time; only the agent's wall clock jumps.
        var jumpy = new SkewedAgentTime(_time);
        await using var agent = IdentityAgent.Start(Options(token) with { Time = jumpy, RequestedLifetime = TimeSpan.FromHours(2) });
        await First(agent);

        foreach (var jump in new[] { TimeSpan.FromHours(1), TimeSpan.FromHours(-1), TimeSpan.FromHours(30) })
        {
            jumpy.Skew = jump;
            var before = _control.Calls;
            for (var minute = 0; minute < 240; minute++)
            {
                _time.Advance(TimeSpan.FromMinutes(1));
                if (minute % 10 == 9) await Task.Delay(20); // lets a renewal that is due get through
            }
            var renewals = _control.Calls - before;
            renewals.ShouldBeInRange(1, 12, $"four hours of two-hour certificates, wall clock off by {jump}");
        }
    }

    [Fact]
    public async Task Laptop_that_slept_past_the_end_renews_itself()
    {
        var joined = await JoinAsync();
        _time.Skew = TimeSpan.FromDays(20); // sleep: wall time goes on, the monotonic clock does not
        await using var agent = IdentityAgent.Start(Options(null));
        await Until(() => agent.Current!.SerialNumber != joined.SerialNumber);
        agent.Current!.NotAfter.ShouldBeGreaterThan(_time.GetUtcNow());
    }

    [Fact]
    public async Task Agent_that_slept_too_long_joins_again_with_a_new_token()
    {
        var joined = await JoinAsync();
        _time.Skew = TimeSpan.FromDays(40);
        await using var agent = IdentityAgent.Start(Options(_directory["token2"]));
        await Until(() => agent.LastFailure is not null);
        agent.Current!.SerialNumber.ShouldBe(joined.SerialNumber);
        _control.Refused.ShouldContain(SvidFailure.Expired);

        await _control.TokenFileAsync(_directory, "token2");
        await AdvanceUntil(() => agent.Current!.SerialNumber != joined.SerialNumber, TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task Revoked_identity_keeps_its_certificate_and_says_why_it_gets_no_other()
    {
        var joined = await JoinAsync();
        _control.Revocations = new RevocationSet([], [Requests.Web]);
        _time.Advance(TimeSpan.FromHours(13));
        await using var agent = IdentityAgent.Start(Options(null));
        await Until(() => agent.LastFailure is not null);
        agent.LastFailure!.ShouldContain("revoked");
        agent.Current!.SerialNumber.ShouldBe(joined.SerialNumber);
    }

    [Theory]
    [InlineData("key.pem")]
    [InlineData("chain.pem")]
    [InlineData("roots.pem")]
    public async Task Damaged_file_is_refused_by_name(string file)
    {
        await JoinAsync();
        var content = File.ReadAllText(Key(file));
        File.WriteAllText(Key(file), content[..(content.Length / 2)]);
        Should.Throw<IdentityException>(() => IdentityAgent.Start(Options(null))).Message.ShouldContain(file);
        File.Delete(Key(file));
        Should.Throw<IdentityException>(() => IdentityAgent.Start(Options(null))).Message.ShouldContain(file);
    }

    [Fact]
    public async Task Kill_while_saving_never_mixes_two_generations()
    {
        await JoinAsync();
        var steps = new[] { "create staging", "write key.pem", "write chain.pem", "write roots.pem", "commit", "publish key.pem", "publish chain.pem", "publish roots.pem", "remove staging" };
        foreach (var killAt in steps)
        {
            var reached = new TaskCompletionSource();
            // As the disk sees it, nothing happens after this step.
            var agent = IdentityAgent.Start(Options(null), step =>
            {
                if (step != killAt) return;
                reached.TrySetResult();
                throw new IOException("killed");
            });
            await AdvanceUntil(() => reached.Task.IsCompleted, TimeSpan.FromHours(13));
            await agent.DisposeAsync();

            await using var restarted = IdentityAgent.Start(Options(null));
            var (leaf, _) = restarted.Current!.Load();
            leaf.HasPrivateKey.ShouldBeTrue();
            leaf.Dispose();
        }
    }

    [Fact]
    public async Task Certificate_that_cannot_be_saved_is_used_and_the_next_one_is_saved()
    {
        var joined = await JoinAsync();
        var full = true;
        await using var agent = IdentityAgent.Start(Options(null), step => { if (full && step == "write key.pem") throw new IOException("disk full"); });
        await AdvanceUntil(() => agent.LastFailure is not null, TimeSpan.FromHours(13));
        agent.LastFailure!.ShouldContain("disk full");
        agent.Current!.SerialNumber.ShouldNotBe(joined.SerialNumber);

        full = false;
        await RenewOnce(agent);
        await Until(() => agent.LastFailure is null);
        OpenSsl.Must("x509", "-in", Key("chain.pem"), "-noout", "-serial").ShouldContain(agent.Current!.SerialNumber);
    }

    [Fact]
    public async Task Answer_that_is_not_for_our_key_or_name_is_not_saved()
    {
        await JoinAsync();
        var saved = File.ReadAllText(Key("chain.pem"));
        var bank = SpiffeId.ForServiceAccount(Requests.Domain, "default", "bank");
        foreach (var answer in new[] { _control.Authority.Issue(Requests.Web, Requests.Parsed(), null), _control.Authority.Issue(bank, Requests.Parsed(), null) })
        {
            _control.Answer = response =>
            {
                response.CertChain.Clear();
                response.CertChain.AddRange(answer.ChainPem);
                return Task.FromResult(response);
            };
            _time.Advance(TimeSpan.FromHours(13));
            await using var agent = IdentityAgent.Start(Options(null));
            await Until(() => agent.LastFailure is not null);
            File.ReadAllText(Key("chain.pem")).ShouldBe(saved);
        }
    }

    [Fact]
    public async Task Renewal_replaces_the_roots()
    {
        using var other = new TemporaryDirectory();
        using var second = CertificateAuthority.OpenOrCreate(other["ca"], Requests.Domain, new CertificateAuthorityOptions(), _time);
        await JoinAsync();
        _control.Answer = response =>
        {
            response.CertChain[^1] += Encoding.ASCII.GetString(second.Bundle.ToPem());
            return Task.FromResult(response);
        };
        _time.Advance(TimeSpan.FromHours(13));
        await using var agent = IdentityAgent.Start(Options(null));
        await Until(() => agent.Current!.Roots.Roots.Length == 2);
        File.ReadAllText(Key("roots.pem")).Split("BEGIN CERTIFICATE").Length.ShouldBe(3);
    }

    [Fact]
    public async Task Handler_shows_the_certificate_of_the_moment_on_each_new_connection()
    {
        var token = await _control.TokenFileAsync(_directory);
        await using var agent = IdentityAgent.Start(Options(token) with { RequestedLifetime = TimeSpan.FromSeconds(20) });
        await First(agent);
        (await WhoAmI(agent)).ShouldBe($"{Requests.Web} {agent.Current!.SerialNumber}");
        await RenewOnce(agent);
        (await WhoAmI(agent)).ShouldBe($"{Requests.Web} {agent.Current!.SerialNumber}");
    }

    [Fact]
    public async Task Handler_refuses_a_server_of_another_root()
    {
        await using var agent = IdentityAgent.Start(Options(await _control.TokenFileAsync(_directory)));
        await First(agent);
        using var other = new TemporaryDirectory();
        await using var impostor = new ControlPlaneHost(other["ca"], _time);
        await impostor.StartAsync();
        using var http = new HttpMessageInvoker(agent.CreateControlHandler());
        using var request = Get($"https://{impostor.Address}/whoami");
        (await Should.ThrowAsync<HttpRequestException>(() => http.SendAsync(request, default))).ToString().ShouldContain("does not end in a root of its trust domain");
    }

    [Fact]
    public async Task Control_plane_refuses_clients_of_another_root_and_names_the_reason()
    {
        using var other = new TemporaryDirectory();
        using var foreign = CertificateAuthority.OpenOrCreate(other["ca"], Requests.Domain, new CertificateAuthorityOptions(), _time);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var issued = foreign.Issue(Requests.Web, Requests.Parsed(key), null);
        // Believes the true server, shows a certificate of another authority.
        var material = new CertificateMaterial(
            Encoding.ASCII.GetBytes(issued.ChainPem[0] + issued.ChainPem[1]), Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem()), _control.Authority.Bundle.ToPem());
        using var http = new HttpMessageInvoker(ControlHandler.Create(() => new ControlTrust.Saved(material), new ControlVerifier(_time), null));
        using var request = Get($"https://{_control.Address}/whoami");
        await Should.ThrowAsync<HttpRequestException>(() => http.SendAsync(request, default));
        await Until(() => _control.Refused.Contains(SvidFailure.Untrusted));
    }

    [Theory]
    [InlineData("control")]
    [InlineData("control:")]
    [InlineData("control:0")]
    [InlineData("control:70000")]
    [InlineData("user@control:1")]
    [InlineData("control:1/path")]
    public void Address_that_is_not_host_and_port_is_refused(string address) =>
        Should.Throw<IdentityException>(() => IdentityAgent.Start(Options(null) with { ControlAddress = address })).Message.ShouldContain("host:port");

    private string Key(string file) => Path.Combine(_directory["keys"], file);

    private IdentityAgentOptions Options(string? tokenFile) => new()
    {
        ControlAddress = _control.Address,
        KeysDirectory = _directory["keys"],
        JoinTokenFile = tokenFile,
        Time = _time,
        Random = new Random(7),
        AttemptTimeout = TimeSpan.FromDays(1), // attempts end by themselves here; hours that a test skips must not end them
        Warn = _warnings.Enqueue,
    };

    private async Task<CertificateMaterial> JoinAsync()
    {
        await using var agent = IdentityAgent.Start(Options(await _control.TokenFileAsync(_directory)));
        return await First(agent);
    }

    private async Task RenewOnce(IdentityAgent agent)
    {
        var serial = agent.Current!.SerialNumber;
        var step = (agent.Current.NotAfter - _time.GetUtcNow()) / 20;
        await AdvanceUntil(() => agent.Current!.SerialNumber != serial, step);
    }

    private static async Task<string> WhoAmI(IdentityAgent agent)
    {
        using var http = new HttpMessageInvoker(agent.CreateControlHandler());
        using var request = Get(new Uri(agent.ControlAddress, "/whoami").ToString());
        using var response = await http.SendAsync(request, default);
        return await response.Content.ReadAsStringAsync();
    }

    private static HttpRequestMessage Get(string uri) =>
        new(HttpMethod.Get, uri) { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };

    private static bool Cleared(CertificateMaterial material)
    {
        try
        {
            material.CopyKeyPem();
            return false;
        }
        catch (ObjectDisposedException) { return true; }
    }

    private async Task<CertificateMaterial> First(IdentityAgent agent)
    {
        var first = agent.WaitAsync(CancellationToken.None);
        await Until(() => first.IsCompleted);
        return await first;
    }

    private string Warnings() => $"waited too long; warnings: {string.Join("; ", _warnings)}; clients refused: {string.Join(", ", _control.Refused)}";

    private async Task Until(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (!condition())
        {
            limit.IsCancellationRequested.ShouldBeFalse(Warnings());
            await Task.Delay(5);
        }
    }

    private async Task AdvanceUntil(Func<bool> condition, TimeSpan step)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (!condition())
        {
            limit.IsCancellationRequested.ShouldBeFalse(Warnings());
            _time.Advance(step);
            for (var pause = 0; pause < 20 && !condition(); pause++) await Task.Delay(5);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _control.DisposeAsync();
        _directory.Dispose();
    }
}
