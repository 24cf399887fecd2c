using Weft.Proxy.Detection;

namespace Weft.Proxy.Tcp;

/// <summary>Why a connection goes nowhere on a port whose connections go by server name; clauses for people.</summary>
internal static class RouteMisses
{
    public const string NoTls = "it is no TLS, and every route of its port is for server names";

    public static string Describe(ClientHello hello) =>
        hello.ServerName.Length == 0 ? "its TLS asks for no server name, and every route of its port is for some" : $"no route of its port is for the server name '{hello.ServerName}'";
}
