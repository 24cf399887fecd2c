using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Shouldly;
using Weft.Proxy.Security;
using Weft.Proxy.Tests.Security;
using Xunit;

namespace Weft.Proxy.Tests.Pipelines;

/// <summary>What a workload is told of the hops before it, and what nobody can make the proxy say.</summary>
public sealed partial class ForwardedFieldsTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nx-request-id: the-workload's\r\n\r\nok";

    /// <summary>The request as the workload received it, and the answer as the client did.</summary>
    private static async Task<(string Request, Response Answer)> SendAsync(string manager, string fields)
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll(manager: manager));
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync($"GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        var answer = await client.ReadResponseAsync();
        answer.Status.ShouldBe(200);
        proxy.Faults.ShouldBeEmpty();
        return (backend.Requests.Single(), answer);
    }

    private static string[] Values(string request, string name) =>
        [.. request.Split("\r\n").Where(l => l.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase)).Select(l => l[(name.Length + 1)..].Trim())];

    [Theory]
    [InlineData("", "", null)]
    [InlineData("", "1.1.1.1, 2.2.2.2", "1.1.1.1, 2.2.2.2")] // behind an edge: passed on as it came
    [InlineData("\"use_remote_address\": true", "", "127.0.0.1")]
    [InlineData("\"use_remote_address\": true", "1.1.1.1", "1.1.1.1, 127.0.0.1")]
    [InlineData("\"use_remote_address\": true", "1.1.1.1|2.2.2.2, 3.3.3.3", "1.1.1.1, 2.2.2.2, 3.3.3.3, 127.0.0.1")]
    [InlineData("\"use_remote_address\": true, \"skip_xff_append\": true", "1.1.1.1", "1.1.1.1")]
    [InlineData("\"use_remote_address\": true, \"skip_xff_append\": true", "", null)]
    public async Task Forwarded_for_is_one_list_that_an_edge_extends(string manager, string lists, string? expected)
    {
        var (request, _) = await SendAsync(manager, Lines("X-Forwarded-For", lists));
        Values(request, "x-forwarded-for").ShouldBe(expected is null ? [] : [expected]);
    }

    [Theory]
    [InlineData("", "https", "https")]
    [InlineData("", "", "http")]
    [InlineData("\"use_remote_address\": true", "https", "http")] // a client's word
    [InlineData("\"use_remote_address\": true, \"xff_num_trusted_hops\": 1", "https", "https")] // a trusted proxy's
    [InlineData("\"use_remote_address\": true, \"xff_num_trusted_hops\": 1", "", "http")]
    public async Task Forwarded_proto_of_an_untrusted_client_is_replaced(string manager, string sent, string expected) =>
        Values((await SendAsync(manager, Lines("X-Forwarded-Proto", sent))).Request, "x-forwarded-proto").ShouldBe([expected]);

    [Theory]
    [InlineData("", "9.9.9.9", "1.1.1.1", "9.9.9.9")]
    [InlineData("\"use_remote_address\": true", "9.9.9.9", "1.1.1.1", "127.0.0.1")]
    [InlineData("\"use_remote_address\": true, \"xff_num_trusted_hops\": 1", "9.9.9.9", "1.1.1.1, 2.2.2.2", "2.2.2.2")]
    [InlineData("\"use_remote_address\": true, \"xff_num_trusted_hops\": 2", "9.9.9.9", "1.1.1.1, 2.2.2.2", "1.1.1.1")]
    [InlineData("\"use_remote_address\": true, \"xff_num_trusted_hops\": 3", "9.9.9.9", "1.1.1.1, 2.2.2.2", "127.0.0.1")]
    public async Task The_external_address_is_the_edges_word_alone(string manager, string sent, string forwardedFor, string expected) =>
        Values((await SendAsync(manager, Lines("X-Envoy-External-Address", sent) + Lines("X-Forwarded-For", forwardedFor))).Request, "x-envoy-external-address").ShouldBe([expected]);

    [Fact]
    public async Task An_edge_drops_what_a_client_says_of_hosts_and_of_being_inside()
    {
        const string forged = "X-Forwarded-Host: evil\r\nX-Envoy-Internal: true\r\nX-Forwarded-Client-Cert: By=x;Hash=y\r\n";
        var (request, _) = await SendAsync("\"use_remote_address\": true", forged);
        Values(request, "x-forwarded-host").ShouldBeEmpty();
        Values(request, "x-envoy-internal").ShouldBeEmpty();
        Values(request, "x-forwarded-client-cert").ShouldBeEmpty();
        (request, _) = await SendAsync("\"use_remote_address\": true, \"xff_num_trusted_hops\": 1", forged);
        Values(request, "x-forwarded-host").ShouldBe(["evil"]);
    }

    [Theory]
    [InlineData("SANITIZE", false)]
    [InlineData("FORWARD_ONLY", false)]
    [InlineData("APPEND_FORWARD", false)]
    [InlineData("SANITIZE_SET", false)]
    [InlineData("ALWAYS_FORWARD_ONLY", true)]
    public async Task Without_a_client_certificate_its_field_passes_only_where_that_is_always_so(string mode, bool passes) =>
        Values((await SendAsync($"\"forward_client_cert_details\": \"{mode}\"", "X-Forwarded-Client-Cert: Hash=forged\r\n")).Request, "x-forwarded-client-cert")
            .ShouldBe(passes ? ["Hash=forged"] : []);

    [Theory]
    [InlineData("SANITIZE", "")]
    [InlineData("FORWARD_ONLY", "Hash=before|Hash=second")]
    [InlineData("ALWAYS_FORWARD_ONLY", "Hash=before|Hash=second")]
    [InlineData("APPEND_FORWARD", "Hash=before,Hash=second,*")]
    [InlineData("SANITIZE_SET", "*")]
    public async Task Over_mutual_tls_each_mode_does_what_Envoy_documents(string mode, string expected)
    {
        var authority = new TestAuthority();
        using var certificate = authority.Issue("client", r => (r.Subject, r.DnsName) = ("O=Weft, CN=a \"client\"", "client.example")).ForDotNet();
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).ListenTls(
            ProxyUnderTest.RouteAll(manager: $"\"forward_client_cert_details\": \"{mode}\", \"set_current_client_cert_details\": {{\"subject\": true, \"uri\": true, \"dns\": true}}"),
            new ServerTls(new ServerTlsSettings { Certificate = authority.Issue("server").Load(), ClientRoots = authority.Roots, Alpn = ["weft-h1"] }, TimeProvider.System));
        using var socket = new TcpClient();
        await socket.ConnectAsync(proxy.Address.Address, proxy.Address.Port, TestContext.Current.CancellationToken);
        await using var tls = new SslStream(socket.GetStream());
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "server", ClientCertificates = [certificate], RemoteCertificateValidationCallback = (_, _, _, _) => true,
            ApplicationProtocols = [new SslApplicationProtocol("weft-h1")],
        }, TestContext.Current.CancellationToken);
        var block = new byte[4096];
        for (var i = 0; i < 2; i++) // the second finds what the first has made
        {
            await tls.WriteAsync("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Client-Cert: Hash=before\r\nX-Forwarded-Client-Cert: Hash=second\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
            var text = "";
            while (!text.EndsWith("ok", StringComparison.Ordinal)) text += Encoding.ASCII.GetString(block, 0, await tls.ReadAsync(block, TestContext.Current.CancellationToken));
        }

        var own = $"By={authority.IdOf("server")};Hash={certificate.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant()};"
            + $"Subject=\"O=Weft,CN=a \\\"client\\\"\";URI={authority.IdOf("client")};DNS=client.example";
        foreach (var request in backend.Requests)
        {
            Values(request, "x-forwarded-client-cert").ShouldBe(expected.Length == 0 ? [] : expected.Replace("*", own, StringComparison.Ordinal).Split('|'));
            Values(request, "x-forwarded-proto").ShouldBe(["http"], "the mesh's own TLS is not the client's");
        }
    }

    [Theory]
    [InlineData("", "mine", true)]
    [InlineData("\"use_remote_address\": true", "mine", false)]
    [InlineData("\"use_remote_address\": true, \"preserve_external_request_id\": true", "mine", true)]
    [InlineData("", "", false)]
    [InlineData("", "has a space", false)]
    public async Task A_request_id_is_kept_where_its_sender_is_believed_and_made_elsewhere(string manager, string sent, bool kept)
    {
        var id = Values((await SendAsync(manager, Lines("X-Request-Id", sent))).Request, "x-request-id").ShouldHaveSingleItem();
        if (kept) id.ShouldBe(sent);
        else Guid.TryParse(id, out _).ShouldBeTrue(id);
    }

    [Fact]
    public async Task A_listener_that_makes_no_request_ids_passes_those_on_that_came()
    {
        Values((await SendAsync("\"generate_request_id\": false", "")).Request, "x-request-id").ShouldBeEmpty();
        Values((await SendAsync("\"generate_request_id\": false", "X-Request-Id: mine\r\n")).Request, "x-request-id").ShouldBe(["mine"]);
    }

    [Fact]
    public async Task The_response_carries_the_request_id_where_the_listener_says_so()
    {
        (await SendAsync("", "X-Request-Id: mine\r\n")).Answer.Fields.Where(f => f.Name == "x-request-id").Select(f => f.Value).ShouldBe(["the-workload's"]);
        (await SendAsync("\"always_set_request_id_in_response\": true", "X-Request-Id: mine\r\n")).Answer.Fields.Where(f => f.Name == "x-request-id").Select(f => f.Value).ShouldBe(["mine"]);
    }

    private const string Parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    [Theory]
    [InlineData("traceparent: " + Parent + "\r\ntracestate: a=1\r\ntracestate: b=2\r\n", true, 2)]
    [InlineData("tracestate: a=1\r\nTraceParent: " + Parent + "\r\n", true, 1)]
    [InlineData("traceparent: 01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-future\r\n", true, 0)]
    [InlineData("traceparent: 00-00000000000000000000000000000000-00f067aa0ba902b7-01\r\ntracestate: a=1\r\n", false, 0)]
    [InlineData("traceparent: 00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01\r\ntracestate: a=1\r\n", false, 0)]
    [InlineData("traceparent: " + Parent + "\r\ntraceparent: " + Parent + "\r\ntracestate: a=1\r\n", false, 0)]
    [InlineData("traceparent: " + Parent + ", " + Parent + "\r\ntracestate: a=1\r\n", false, 0)]
    [InlineData("tracestate: a=1\r\n", false, 0)]
    [InlineData("Connection: traceparent\r\ntraceparent: " + Parent + "\r\ntracestate: a=1\r\n", false, 0)]
    [InlineData("b3: 80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1\r\nX-B3-TraceId: 80f198ee56343ba864fe8b2a57d3eff7\r\n", false, 0)]
    public async Task A_valid_trace_passes_as_it_came_and_an_invalid_one_is_replaced_with_its_state(string fields, bool kept, int states)
    {
        var (request, _) = await SendAsync("", fields);
        var parent = Values(request, "traceparent").ShouldHaveSingleItem();
        if (kept) fields.ShouldContain(parent);
        else (NewParent().IsMatch(parent) && !fields.Contains(parent, StringComparison.Ordinal)).ShouldBeTrue(parent);
        Values(request, "tracestate").Length.ShouldBe(states);
        foreach (var name in (string[])["b3", "x-b3-traceid"]) Values(request, name).ShouldBe(Values(fields, name));
    }

    [GeneratedRegex("^00-[0-9a-f]{32}-[0-9a-f]{16}-00$")]
    private static partial Regex NewParent();

    private static string Lines(string name, string values) =>
        string.Concat(values.Split('|').Where(v => v.Length > 0).Select(v => $"{name}: {v}\r\n"));
}
