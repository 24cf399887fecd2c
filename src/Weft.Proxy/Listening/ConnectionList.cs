namespace Weft.Proxy.Listening;

/// <summary>One worker's open downstream connections, so that a drain finds them. Adding and removing is O(1): each knows its place.</summary>
internal sealed class ConnectionList
{
    private readonly List<IServerConnection> _connections = [];

    public int Count => _connections.Count;

    public void Add(IServerConnection connection)
    {
        connection.ListIndex = _connections.Count;
        _connections.Add(connection);
    }

    public void Remove(IServerConnection connection)
    {
        var index = connection.ListIndex;
        if (index < 0) return;
        var last = _connections[^1];
        _connections[index] = last;
        last.ListIndex = index;
        _connections.RemoveAt(_connections.Count - 1);
        connection.ListIndex = -1;
    }

    /// <summary>Visits each connection that was open when the call began; a visit may close its connection.</summary>
    public void ForEach(Action<IServerConnection> visit)
    {
        for (var i = _connections.Count - 1; i >= 0; i--)
        {
            if (i < _connections.Count) visit(_connections[i]);
        }
    }
}
