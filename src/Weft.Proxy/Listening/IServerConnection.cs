using Weft.Proxy.Access;

namespace Weft.Proxy.Listening;

/// <summary>An accepted connection, whatever is spoken on it, as the worker's <see cref="ConnectionList"/> and a drain see it. Used on its worker's thread alone.</summary>
internal interface IServerConnection
{
    /// <summary>Its place in the worker's <see cref="ConnectionList"/>; -1 outside.</summary>
    int ListIndex { get; set; }

    /// <summary>Where it came in and under which chain.</summary>
    DownstreamConnection Connection { get; }

    /// <summary>Its end has come (a drain, or its chain is gone): it tells its client to go elsewhere, as its protocol has it. What is in flight completes.</summary>
    void BeginDrain();

    /// <summary>The time of a drain that the connection belongs to is over. HTTP has been told and goes on until its process ends; what could not be told is ended now.</summary>
    void EndDrain() { }

    /// <summary>The rules of access that let it in were withdrawn. HTTP completes what it has begun, within the grace of <paramref name="ending"/>.</summary>
    void Withdraw(Withdrawals ending)
    {
        BeginDrain();
        ending.Add(this);
    }

    /// <summary>Ends the connection now, whatever it is doing.</summary>
    void CloseNow();
}
