using System.Net;
using Weft.Proxy.Admin;
using Weft.Proxy.Tests.Pipelines;

namespace Weft.Proxy.Tests.Admin;

/// <summary>An admin server with endpoints of the test's own.</summary>
internal sealed class AdminServerUnderTest : IDisposable
{
    private readonly AdminServer _server;

    public AdminServerUnderTest(AdminSettings? settings = null, params AdminEndpoint[] endpoints)
    {
        AdminEndpoint hello = new("/hello", "greets", (request, response) => response.Body.Write($"hello {request.Query.GetValueOrDefault("name", "nobody")}\n"));
        AdminEndpoint change = new("/change", "changes something", (_, response) => response.Say(200, "changed\n")) { ChangesState = true };
        AdminEndpoint fails = new("/fails", "throws", (_, response) =>
        {
            response.Body.Write("half an ans");
            throw new InvalidOperationException("on purpose");
        });
        _server = new AdminServer(
            (settings ?? new AdminSettings()) with { Address = new IPEndPoint(IPAddress.Loopback, 0) }, [hello, change, fails, .. endpoints], TimeProvider.System, Thrown.Add);
    }

    public List<Exception> Thrown { get; } = [];

    public IPEndPoint Address => _server.Address;

    public Task<RawClient> ConnectAsync(int receiveBuffer = 0) => RawClient.ConnectAsync(Address, receiveBuffer);

    public async Task<Response> AskAsync(string request, bool head = false)
    {
        using var client = await ConnectAsync();
        await client.SendAsync(request.ReplaceLineEndings("\r\n"));
        return await client.ReadResponseAsync(head);
    }

    public void Dispose() => _server.Dispose();
}
