using System.Globalization;
using Fairlead.Linux.Mounts;

namespace Fairlead.Node.Runtime.Oci;

/// <summary>The files of one container.</summary>
internal sealed class ContainerFiles(NodePaths paths, string podUid, string id)
{
    public string Id => id;

    public string Folder { get; } = paths.Container(podUid, id);

    public string Record => $"{Folder}/container.json";

    public string Spec => $"{Folder}/config.json";

    /// <summary>The container's process description, from which that of an exec is made.</summary>
    public string RootFileSystem => $"{Folder}/rootfs";

    public string ProcessId => $"{paths.Run}/pods/{podUid}/{id}.pid";

    public string ConmonProcessId => $"{paths.Run}/pods/{podUid}/{id}.conmon";

    public string Message => $"{Folder}/message";

    public string Exit => $"{paths.Exits}/{id}";

    /// <summary>conmon's second copy of the exit file; it survives a reboot.</summary>
    public string KeptExit => $"{Folder}/exit";

    public void MountRoot(Image image)
    {
        foreach (var folder in (string[])["rootfs", "upper", "work"]) Directory.CreateDirectory($"{Folder}/{folder}");
        Mount.Overlay(RootFileSystem, image.Layers, $"{Folder}/upper", $"{Folder}/work");
    }

    /// <summary>Exit code and time, or null while there is no exit file.</summary>
    public (int Code, DateTimeOffset At)? ReadExit()
    {
        foreach (var path in (string[])[Exit, KeptExit])
        {
            try
            {
                if (int.TryParse(File.ReadAllText(path), CultureInfo.InvariantCulture, out var code))
                    return (code, new DateTimeOffset(File.GetLastWriteTimeUtc(path)));
            }
            catch (IOException)
            {
                // Not there; the other one may be.
            }
        }
        return null;
    }

    /// <summary>conmon leaves this mark when the kernel killed a process of the container for want of memory.</summary>
    public bool RanOutOfMemory => File.Exists($"{Folder}/oom");

    public static int? ReadProcessId(string path)
    {
        try
        {
            return int.TryParse(File.ReadAllText(path), CultureInfo.InvariantCulture, out var pid) ? pid : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    public void DeleteRunFiles()
    {
        // After a restart of the machine their folder is not there either.
        foreach (var path in (string[])[ProcessId, ConmonProcessId, Exit])
        {
            if (File.Exists(path)) File.Delete(path);
        }
    }
}
