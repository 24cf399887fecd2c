using Shouldly;
using Weft.Fuzz.Http2;
using Weft.Proxy.Tests.Http2.Wire;
using Xunit;

namespace Weft.Proxy.Tests.Pipelines;

/// <summary>One form of a path for matching and for forwarding, whatever protocol it came in.</summary>
public sealed class PathPolicyTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    /// <summary>What the workload was asked for, or the status (with the Location) of an answer that the proxy made.</summary>
    private static async Task<string> SendAsync(string manager, string path, bool http2)
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        // What the rule on /admin sees is what the workload would be asked for.
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(
            $$$$"""
            {{{{{(manager.Length > 0 ? manager + "," : "")}}}} "route_config": {"name": "r", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
              {"match": {"prefix": "/admin"}, "direct_response": {"status": 403}},
              {"match": {"prefix": "/"}, "route": {"cluster": "backend"}}]}]}}
            """);
        int status;
        string? location;
        if (http2)
        {
            using var client = await Http2Peer.ConnectAsync(proxy.Address);
            await client.SendAsync(RawFrame.Headers(1, RawHpack.Block([(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "a.example")])));
            await client.UntilAsync(p => p.Stream(1).IsOver);
            (status, location) = (client.Stream(1).Status, client.Stream(1)["location"]);
        }
        else
        {
            using var client = await RawClient.ConnectAsync(proxy.Address);
            await client.SendAsync($"GET {path} HTTP/1.1\r\nHost: a.example\r\n\r\n");
            var answer = await client.ReadResponseAsync();
            (status, location) = (answer.Status, answer["location"]);
        }
        proxy.Faults.ShouldBeEmpty();
        return status == 200 ? backend.Requests.Single().Split(' ')[1] : location is null ? $"{status}" : $"{status} {location}";
    }

    private const string Reject = "\"path_with_escaped_slashes_action\": \"REJECT_REQUEST\"";
    private const string Forward = "\"path_with_escaped_slashes_action\": \"UNESCAPE_AND_FORWARD\"";
    private const string Redirect = "\"path_with_escaped_slashes_action\": \"UNESCAPE_AND_REDIRECT\"";
    private const string Merge = "\"merge_slashes\": true";

    [Theory]
    [InlineData("", "/a/./b/../c?x=/../y", "/a/c?x=/../y")]
    [InlineData("", "/x/../admin", "403")]
    [InlineData("", "/%61dmin", "403")]
    [InlineData("", "/x/%2e%2E/admin/y", "403")]
    [InlineData("", "/x\\..\\admin", "403")]
    [InlineData("", "//admin", "//admin")]
    [InlineData(Merge, "//admin", "403")]
    [InlineData(Merge, "/a//b///c", "/a/b/c")]
    [InlineData("", "/a%2fb%5Cc", "/a%2fb%5Cc")]
    [InlineData("", "/a/..%2fadmin", "/a/..%2fadmin")] // data within a segment: it is forwarded as such, and a workload that decodes it asks for one of the next three
    [InlineData(Reject, "/a/..%2fadmin", "400")]
    [InlineData(Reject, "/a%5cb", "400")]
    [InlineData(Forward, "/a/..%2fadmin", "403")]
    [InlineData(Forward, "/a%2fb%5Cc?d=%2f", "/a/b/c?d=%2f")]
    [InlineData(Redirect, "/a%2F..%2fadmin?d=%2f", "307 http://a.example/admin?d=%2f")]
    [InlineData(Redirect, "/%2fevil.example/", "307 http://a.example//evil.example/")] // a bare path would name another host
    [InlineData(Redirect, "/a/../b", "/b")]
    [InlineData("", "/a%00b", "400")]
    [InlineData("", "/a%zz", "400")]
    public async Task A_path_has_one_form_for_rules_and_workloads(string manager, string path, string expected)
    {
        (await SendAsync(manager, path, http2: false)).ShouldBe(expected, "HTTP/1.1");
        (await SendAsync(manager, path, http2: true)).ShouldBe(expected, "HTTP/2");
    }
}
