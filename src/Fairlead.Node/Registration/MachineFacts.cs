using System.Globalization;
using System.Runtime.InteropServices;

namespace Fairlead.Node.Registration;

/// <summary>What the machine says of itself (proc(5), os-release(5), machine-id(5)).</summary>
internal sealed record MachineFacts
{
    public required int Processors { get; init; }
    public required long Memory { get; init; }
    public required long Storage { get; init; }
    public required string MachineId { get; init; }
    public required string SystemUuid { get; init; }
    public required string BootId { get; init; }
    public required string Kernel { get; init; }
    public required string OsImage { get; init; }

    /// <summary>The name that Go, and so Kubernetes, gives the processor.</summary>
    public string Architecture { get; init; } = RuntimeInformation.ProcessArchitecture switch
    {
        System.Runtime.InteropServices.Architecture.X64 => "amd64",
        System.Runtime.InteropServices.Architecture.Arm64 => "arm64",
        var other => other.ToString().ToLowerInvariant(),
    };

    /// <param name="storageFolder">The folder whose file system pods write to.</param>
    public static MachineFacts Read(string storageFolder)
    {
        var machine = FirstLine("/etc/machine-id");
        return new MachineFacts
        {
            Processors = System.Environment.ProcessorCount,
            Memory = MemoryBytes(),
            Storage = new DriveInfo(storageFolder).TotalSize,
            MachineId = machine,
            SystemUuid = FirstLine("/sys/class/dmi/id/product_uuid") is { Length: > 0 } uuid ? uuid : machine,
            BootId = FirstLine("/proc/sys/kernel/random/boot_id"),
            Kernel = FirstLine("/proc/sys/kernel/osrelease"),
            OsImage = ReadOsImage(),
        };
    }

    public static long MemoryBytes()
    {
        // "MemTotal:       12334492 kB"
        var line = File.ReadLines("/proc/meminfo").First(line => line.StartsWith("MemTotal:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
    }

    private static string FirstLine(string path)
    {
        try
        {
            return File.ReadLines(path).FirstOrDefault()?.Trim() ?? "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static string ReadOsImage()
    {
        const string Key = "PRETTY_NAME=";
        try
        {
            return File.ReadLines("/etc/os-release").FirstOrDefault(line => line.StartsWith(Key, StringComparison.Ordinal))?[Key.Length..].Trim('"') ?? "Linux";
        }
        catch (IOException)
        {
            return "Linux";
        }
    }
}
