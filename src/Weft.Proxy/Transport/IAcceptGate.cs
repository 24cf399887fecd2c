namespace Weft.Proxy.Transport;

/// <summary>Decides whether a listening socket may accept, and hears of every accepted socket from its first moment to its last. Shared by the workers' sockets.</summary>
internal interface IAcceptGate
{
    /// <summary>False: connections wait in the backlog, and it is asked again after a while.</summary>
    bool MayAccept();

    void Accepted();

    /// <summary>The accepted socket is closed.</summary>
    void Released();

    /// <summary>Accepting rests because the system has no descriptor or memory for another socket.</summary>
    /// <param name="reason">The system's words.</param>
    void Exhausted(string reason);
}
