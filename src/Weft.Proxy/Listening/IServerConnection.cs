namespace Weft.Proxy.Listening;

/// <summary>An accepted HTTP connection of any version, as the worker's <see cref="ConnectionList"/> and a drain see it. Used on its worker's thread alone.</summary>
internal interface IServerConnection
{
    /// <summary>Its place in the worker's <see cref="ConnectionList"/>; -1 outside.</summary>
    int ListIndex { get; set; }

    /// <summary>No request is on it and nothing waits to be written: closing it loses nothing that has arrived.</summary>
    bool IsIdle { get; }

    /// <summary>The proxy drains: from now on the connection tells its client to go elsewhere, as its protocol has it. What is in flight completes.</summary>
    void BeginDrain();

    /// <summary>Ends a connection that <see cref="IsIdle"/>.</summary>
    void CloseIdle();

    /// <summary>Ends the connection now, whatever it is doing.</summary>
    void CloseNow();
}
