using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Weft.Grpc;

namespace Weft.Identity;

/// <summary>Makes the HTTP/2 handlers that call the control plane.</summary>
internal static class ControlHandler
{
    /// <summary>A connection older than this takes no new calls: the next one is made with the certificate of then.</summary>
    private static readonly TimeSpan ConnectionLifetime = TimeSpan.FromHours(1);

    /// <param name="trust">Asked for every new connection, so that each is made with the material of its moment. The handler's own
    /// SslOptions would fix the certificate when the handler is made.</param>
    /// <param name="verifier">Judges what the server shows.</param>
    /// <param name="transport">Timeouts and pings.</param>
    public static SocketsHttpHandler Create(Func<ControlTrust> trust, ControlVerifier verifier, GrpcTransportOptions? transport)
    {
        var handler = GrpcTransport.Configure(new SocketsHttpHandler(), transport);
        handler.PooledConnectionLifetime = ConnectionLifetime;
        handler.ConnectCallback = async (context, cancel) =>
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(context.DnsEndPoint, cancel);
                return await SecureAsync(new NetworkStream(socket, ownsSocket: true), context.DnsEndPoint.Host, trust(), verifier, cancel);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        };
        return handler;
    }

    // A handler that gets an SslStream back uses it as it is.
    private static async Task<SslStream> SecureAsync(Stream transport, string host, ControlTrust trust, ControlVerifier verifier, CancellationToken cancel)
    {
        SvidFailure? failure = null;
        var secured = new SslStream(transport);
        try
        {
            await secured.AuthenticateAsClientAsync(trust.ForConnection(host, verifier, refused => failure = refused), cancel);
            return secured;
        }
        catch (AuthenticationException error)
        {
            await secured.DisposeAsync();
            throw failure is { } reason
                ? new AuthenticationException($"the control plane's certificate is refused: {reason.Describe()}", error)
                : error;
        }
        catch
        {
            await secured.DisposeAsync();
            throw;
        }
    }

    /// <summary>Reads <c>host:port</c>, <c>[v6]:port</c>.</summary>
    /// <exception cref="IdentityException">It is neither.</exception>
    public static Uri ParseAddress(string address)
    {
        var colon = address.LastIndexOf(':');
        if (colon > 0 && ushort.TryParse(address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port > 0 &&
            Uri.TryCreate($"https://{address}", UriKind.Absolute, out var uri) && uri.PathAndQuery == "/" && uri.UserInfo.Length == 0)
            return uri;
        throw new IdentityException($"'{address}' is not an address of the form host:port");
    }
}
