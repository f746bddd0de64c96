namespace Fairlead.Node.Runtime.Cri;

internal sealed partial class CriRuntime
{
    public async Task<IExecSession> ExecAsync(string podUid, string containerId, ExecConfig config, CancellationToken cancel)
    {
        if (_pods.Find(podUid, containerId) is not { Phase: ContainerPhase.Running }) throw new RuntimeException($"container {containerId} is not running");
        var processes = new ExecProcesses($"{paths.PodCgroup(podUid)}/{containerId}", config.Command);
        var session = await CriSession.OpenAsync(await client.ExecAsync(containerId, config, cancel), client.Socket, config.Stdin, config.Tty, processes.Kill, time, cancel);
        session.Resize(config.Columns, config.Rows);
        return session;
    }

    public async Task<IExecSession> AttachAsync(string podUid, string containerId, bool input, CancellationToken cancel)
    {
        if (_pods.Find(podUid, containerId) is not { Phase: ContainerPhase.Running } container) throw new RuntimeException($"container {containerId} is not running");
        input = input && container.Stdin;
        return await CriSession.OpenAsync(await client.AttachAsync(containerId, input, container.Tty, cancel), client.Socket, input, container.Tty, null, time, cancel);
    }
}
